from __future__ import annotations

import csv
from pathlib import Path

import pytest

from components.contract.errors import InputError
from components.drift import rows as reading
from components.drift.rows import Row, Rows


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_journal_s_export(tmp_path: Path) -> None:
    file = write(
        tmp_path / "export.jsonl",
        '{"text": "fine", "label": "positive", "time": "1970-01-01T00:01:00+00:00"}\n'
        '\n{"text": "dull", "label": null}\n[1]\n{"text": 5}\nnonsense\n{"text": " "}\n',
    )
    source = Rows(file)
    assert list(source) == [Row("fine", "positive", 60.0), Row("dull", None, None)]
    assert source.skipped == 4


def test_a_csv(tmp_path: Path) -> None:
    file = write(tmp_path / "texts.csv", 'review,stars\n"two\nlines",5\n,1\nshort\n')
    source = Rows(file, "review", "stars")
    assert list(source) == [Row("two\nlines", "5", None), Row("short", None, None)]
    assert source.skipped == 1


def test_one_text_a_line(tmp_path: Path) -> None:
    file = write(tmp_path / "texts.txt", b"fine\r\n\ncaf\xe9\n")
    assert [row.text for row in Rows(file)] == ["fine", "caf\ufffd"]


@pytest.mark.parametrize(("name", "content"), [("a.jsonl", "{}\n"), ("b.csv", "x\n1\n"), ("c", "")])
def test_no_texts_is_an_error(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(InputError) as caught:
        list(Rows(write(tmp_path / name, content)))
    assert caught.value.code == "no_rows"


def test_a_form_goes_before_the_ending(tmp_path: Path) -> None:
    file = write(tmp_path / "journal", '{"text": "fine"}\n')
    assert [row.text for row in Rows(file, form="jsonl")] == ["fine"]
    assert [row.text for row in Rows(file)] == ['{"text": "fine"}']


def test_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        list(Rows(tmp_path / "none.csv"))
    assert caught.value.code == "not_found"


def test_an_endless_line_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LINE_CHARACTERS", 1_000)
    with pytest.raises(InputError) as caught:
        list(Rows(write(tmp_path / "a.txt", "fine\n" + "x" * 5_000)))
    assert caught.value.code == "over_long"


def test_a_cell_beyond_csv_s_own_limit_is_skipped(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", f"text\nfine\n{'x' * 200_000}\ndull\n")
    source = Rows(file)
    before = csv.field_size_limit(131_072)  # Python's default; a library of another test raised it
    try:
        assert [row.text for row in source] == ["fine", "dull"]
    finally:
        csv.field_size_limit(before)
    assert source.skipped == 1


def test_deep_nesting_is_skipped(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", "[" * 100_000 + '\n{"text": "fine"}\n')
    assert [row.text for row in Rows(file)] == ["fine"]
