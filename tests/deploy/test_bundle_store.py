from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.contract.artifact import verify
from components.contract.bundle import Bundle
from components.contract.errors import TamisError
from components.deploy.bundle_store import put_bundle
from components.deploy.settings import DeploySettings
from tests.ingest.sources.test_remote import bucket  # noqa: F401 - a fixture: a real S3 server

PVC = DeploySettings(storage="pvc", uri="pvc://models/tamis")


def test_a_bundle_lies_whole_under_its_digest(bundle: Path, tmp_path: Path) -> None:
    opened = Bundle.open(bundle)
    put_bundle(opened, PVC, tmp_path)
    there = tmp_path / "tamis" / opened.manifest.digest
    assert verify(there, "bundle").digest == opened.manifest.digest


def test_what_was_cut_short_is_completed_and_what_is_there_is_left(
    bundle: Path, tmp_path: Path
) -> None:
    opened = Bundle.open(bundle)
    put_bundle(opened, PVC, tmp_path)
    there = tmp_path / "tamis" / opened.manifest.digest
    (there / "manifest.json").unlink()
    name = next(iter(opened.manifest.files))
    (there / name).write_bytes(b"half")
    put_bundle(opened, PVC, tmp_path)
    verify(there, "bundle")
    before = (there / name).stat().st_mtime_ns
    put_bundle(opened, PVC, tmp_path)
    assert (there / name).stat().st_mtime_ns == before


def test_mlflows_bundles_are_there_already(bundle: Path, tmp_path: Path) -> None:
    put_bundle(Bundle.open(bundle), DeploySettings(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cant_be_written_is_one_sentence(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "tamis").write_text("a file, not a folder")
    with pytest.raises(TamisError) as caught:
        put_bundle(Bundle.open(bundle), PVC, tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.service
def test_a_bundle_lies_in_a_real_object_store(
    bundle: Path,
    bucket: Any,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = Bundle.open(bundle)
    settings = DeploySettings(storage="s3", uri="s3://tests/models/")
    put_bundle(opened, settings)
    digest = opened.manifest.digest
    bucket.invalidate_cache()
    bucket.get(f"tests/models/{digest}", str(tmp_path / "back"), recursive=True)
    assert verify(tmp_path / "back", "bundle").digest == digest
    bucket.rm(f"tests/models/{digest}/manifest.json")
    put_bundle(opened, settings)
    bucket.invalidate_cache()
    assert bucket.exists(f"tests/models/{digest}/manifest.json")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    elsewhere = DeploySettings(storage="s3", uri="s3://tests/other")
    with pytest.raises(TamisError) as caught:
        put_bundle(opened, elsewhere)
    assert caught.value.code == "store_failed"
    assert "\n" not in str(caught.value)
