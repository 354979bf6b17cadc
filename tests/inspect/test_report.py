from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from components.contract.errors import InputError, TamisError
from components.inspect import report
from components.inspect.advice import Advice
from tests.inspect.test_advice import SURVEY

ADVICE = Advice({"seed": 13}, ("A reason.",))


@pytest.mark.parametrize("name", ["a.png", "a.HTML", "a.yaml", "a.yml"])
def test_a_file_is_written_whole_and_the_same_again(name: str, tmp_path: Path) -> None:
    report.check_outputs([tmp_path / name])
    report.write(tmp_path / name, SURVEY, ADVICE)
    first = (tmp_path / name).read_bytes()
    report.write(tmp_path / name, SURVEY, ADVICE)
    assert (tmp_path / name).read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "a.yaml").write_text("old")
    monkeypatch.setitem(report.WRITERS, ".yaml", full)
    with pytest.raises(TamisError) as caught:
        report.write(tmp_path / "a.yaml", SURVEY, ADVICE)
    assert caught.value.code == "disk_full"
    assert (tmp_path / "a.yaml").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


def test_what_cannot_be_written_is_refused_before(tmp_path: Path) -> None:
    for file, code in ((tmp_path / "a.txt", "unknown_format"), (tmp_path / "b/a.png", "not_found")):
        with pytest.raises(InputError) as caught:
            report.check_outputs([file])
        assert caught.value.code == code


def test_the_document_is_json() -> None:
    told = json.loads(json.dumps(report.document(SURVEY, ADVICE)))
    assert told["labels"]["pos"] == {"train": 400, "validation": 50, "test": 50}
    assert told["near_copies"]["looked_at"] == 1_000


def test_the_sentences_tell_what_would_be_refused() -> None:
    survey = dataclasses.replace(SURVEY, refusal="one_label: x", rows_filtered=3)
    told = dict(report.told(survey))
    assert told["tamis run would refuse it"] == "one_label: x"
    assert told["set aside"].startswith("3 rows")
    assert "tamis run would refuse it" not in dict(report.told(SURVEY))
