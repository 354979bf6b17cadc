from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.contract.dataset import Dataset
from components.ingest.door import main, run
from tests.conftest import exit_status

Write = Callable[..., Path]


@pytest.fixture
def params(write_csv: Write, reviews: list[tuple[str, str]], tmp_path: Path) -> Path:
    path = tmp_path / "params.yaml"
    csv = write_csv(reviews)
    path.write_text(
        f"source:\n  uri: {csv}\n  label_names: {{0: negative, 1: positive}}\n"
        "ingest:\n  split: {salt: 7}\ntrain: {}\n"
    )
    return path


def test_the_command_publishes(params: Path, tmp_path: Path) -> None:
    assert exit_status(main, ["--params", str(params), "--out", str(tmp_path / "dataset")]) == 0
    assert Dataset.open(tmp_path / "dataset").labels == ("negative", "positive")


def test_the_command_tells_an_error_in_one_line(params: Path, tmp_path: Path) -> None:
    params.write_text(params.read_text().replace("reviews.csv", "reviws.csv"))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "components.ingest"),
            *("--params", str(params), "--out", str(tmp_path / "dataset")),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ},
    )
    assert done.returncode == 2
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith("not_found: There is no file")
    assert "Did you mean reviews.csv?" in last
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "dataset").exists()


def test_a_component_gets_metadata_and_the_digest(
    write_csv: Write, reviews: list[tuple[str, str]], tmp_path: Path
) -> None:
    artifact = SimpleNamespace(path=str(tmp_path / "dataset"), metadata={})
    path = write_csv([*reviews, reviews[0]], header=("review", "stars"))
    names: dict[str, Any] = {"label_names": {"0": "bad", "1": "good"}}
    digest = run(str(path), "review", "stars", names, {"max_characters": 500.0}, artifact)
    manifest = Dataset.open(tmp_path / "dataset").manifest
    assert digest == manifest.digest == artifact.metadata["digest"]
    assert artifact.metadata["labels"] == ["bad", "good"]
    assert sum(artifact.metadata["rows"].values()) == 300
    assert artifact.metadata["rejected"]["duplicate"] == 1
    json.dumps(artifact.metadata)


def test_a_component_ends_with_the_error_s_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact = SimpleNamespace(path=str(tmp_path / "dataset"), metadata={})
    with pytest.raises(SystemExit) as caught:
        run("nowhere.csv", "text", "label", {}, {}, artifact)
    assert caught.value.code == 2
    assert "not_found: " in capsys.readouterr().err
