from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.tokenize.spacy.package import NAME, install


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages that holds a pipeline."""
    folder = tmp_path_factory.mktemp("packages")
    install(folder)
    return folder


@pytest.fixture
def tiny(packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That pipeline, installed; a copy which a test may change."""
    shutil.copytree(packages, tmp_path / "packages")
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    return tmp_path / "packages" / NAME
