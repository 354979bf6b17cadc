"""Awkward files through `tamis inspect`: shown, or one sentence; nothing is left anywhere."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from components.contract.errors import InputError
from pipelines.cli import app
from tests.ingest.awkward import FILES, Awkward


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_a_file(file: Awkward, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch, data = tmp_path / "scratch", tmp_path / "data"
    scratch.mkdir()
    data.mkdir()
    path = file.write(data)
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    params = tmp_path / "params.yaml"
    document = {"source": {"uri": str(path), **file.source}, "ingest": file.settings}
    params.write_text(yaml.safe_dump(document), encoding="utf-8")
    page = tmp_path / "page.html"
    done = CliRunner().invoke(
        app, ["inspect", "--params", str(params), "--output", str(page), "--json"]
    )
    assert [p.name for p in data.iterdir()] == [file.name]
    assert list(scratch.iterdir()) == []
    if file.shown:
        assert isinstance(done.exception, InputError)
        assert done.exception.code == file.shown
        assert "\n" not in str(done.exception)
        assert done.stdout == ""
        assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "params.yaml", "scratch"]
        return
    assert done.exception is None, done.exception
    told = json.loads(done.stdout)
    if file.ingest:
        assert told["refusal"].startswith(f"{file.ingest}: ")
    else:
        assert told["refusal"] == ""
        assert set(told["labels"]) == set(file.labels)
        assert {k: v for k, v in told["rejected"].items() if v} == file.rejected
        assert told["rows"] + sum(told["rejected"].values()) == told["rows_in"]
    assert "<script>" not in page.read_text(encoding="utf-8")
