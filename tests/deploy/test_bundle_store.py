from __future__ import annotations

from pathlib import Path

import pytest

from components.contract.artifact import verify
from components.contract.bundle import Bundle
from components.contract.errors import TamisError
from components.deploy.bundle_store import put_bundle
from components.deploy.settings import DeploySettings

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
