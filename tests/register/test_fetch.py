"""What a predictor's init container does, with a real registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.contract.artifact import read_manifest, verify
from components.contract.environment import environment
from components.registry.fetch import main
from tests.conftest import exit_status

pytestmark = [
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def test_a_version_is_fetched_whole_into_a_mounted_folder(
    trained: Any, registry: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from components.contract.bundle import Bundle
    from components.register.tracking import Tracking

    opened = Bundle.open(trained.strong.bundle)
    tags = {"bundle_digest": opened.manifest.digest, "architecture": "logistic"}
    version = Tracking(registry, "tamis").register(opened, trained.strong.evaluation, tags)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    environment.cache_clear()
    out = tmp_path / "models"
    out.mkdir()  # a mount point can't be renamed into place
    before = out.stat().st_ino
    command = ["--model", registry.model, "--version", version.number,
               "--digest", opened.manifest.digest, "--out", str(out)]  # fmt: skip
    assert exit_status(main, command) == 0
    assert out.stat().st_ino == before
    assert verify(out, "bundle").digest == opened.manifest.digest
    assert not [path for path in out.iterdir() if path.name.startswith(".fetch")]
    (out / "manifest.json").unlink()  # as a kill would leave it
    assert exit_status(main, command) == 0
    assert read_manifest(out).digest == opened.manifest.digest
    wrong = [*command[:5], "0" * 64, "--out", str(tmp_path / "other")]
    assert exit_status(main, wrong) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("corrupted: ")
