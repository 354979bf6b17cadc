"""Awkward files through the stage's own door: each works, or is one sentence, and nothing more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from components.contract.artifact import verify
from components.contract.dataset import Dataset
from components.contract.environment import environment
from components.ingest.door import main
from tests.conftest import ROOT, exit_status
from tests.ingest.awkward import FILES, Awkward, huge_line


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_a_file(
    file: Awkward,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "cache").mkdir()
    (tmp_path / "out").mkdir()
    path = file.write(tmp_path / "data")
    monkeypatch.setenv("TAMIS_CACHE", str(tmp_path / "cache"))
    environment.cache_clear()
    params = tmp_path / "params.yaml"
    document = {"source": {"uri": str(path), **file.source}, "ingest": file.settings}
    params.write_text(yaml.safe_dump(document), encoding="utf-8")
    out = tmp_path / "out" / "dataset"
    status = exit_status(main, ["--params", str(params), "--out", str(out)])
    last = capsys.readouterr().err.splitlines()[-1:]
    assert [p.name for p in (tmp_path / "data").iterdir()] == [file.name]
    if file.ingest:
        assert status == 2
        assert last[0].startswith(f"{file.ingest}: ")
        assert list((tmp_path / "out").iterdir()) == []
        assert list((tmp_path / "cache").rglob("*")) == []
        return
    assert status == 0, last
    facts = verify(out, "dataset").facts
    data = Dataset.open(out)
    assert data.labels == file.labels
    assert {reason: rows for reason, rows in facts["rejected"].items() if rows} == file.rejected
    rows = sum(data.rows(split) for split in ("train", "validation", "test"))
    assert facts["rows_in"] == rows + sum(facts["rejected"].values())


@pytest.mark.slow
def test_a_line_of_two_gigabytes_is_one_rejected_row(tmp_path: Path) -> None:
    huge_line(tmp_path / "huge.csv.zst", 2**11)
    params = tmp_path / "params.yaml"
    params.write_text(yaml.safe_dump({"source": {"uri": str(tmp_path / "huge.csv.zst")}}))
    command = [sys.executable, "-m", "components.ingest", "--params", str(params)]
    command += ["--out", str(tmp_path / "dataset")]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert verify(tmp_path / "dataset", "dataset").facts["rejected"]["over_long"] == 1
    measured = json.loads((tmp_path / "dataset" / "measured.json").read_text())
    assert measured["peak_rss_mb"] < 300
