from __future__ import annotations

import io

import pytest

from components.contract.errors import InputError
from components.ingest.sources.jsonl import read_json
from components.ingest.sources.source import Row


def read(data: str, *columns: str) -> list[Row]:
    return list(read_json(io.BytesIO(data.encode()), "x.jsonl", columns or ("text", "label")))


def test_objects_are_rows() -> None:
    assert read('{"text": "a", "label": 1, "id": 9}\n\n{"label": null, "text": "b"}') == [
        {"text": "a", "label": 1},
        {"text": "b", "label": None},
    ]


def test_a_later_row_may_lack_a_field() -> None:
    assert read('{"text": "a", "label": 1}\n{"text": "b"}\n')[1] == {"text": "b", "label": None}


def test_dotted_names_reach_into_objects() -> None:
    line = '{"review": {"text": "a", "by.whom": "me"}, "review.stars": 5}\n'
    columns = ("review.text", "review.stars")
    assert read(line, *columns) == [{"review.text": "a", "review.stars": 5}]
    assert read(line, "review.by.whom", "review.text")[0]["review.by.whom"] == "me"


def test_dotted_names_count_in_lists() -> None:
    line = '{"reviews": [{"text": "a"}, {"text": "b", "tags": ["x", "y"]}]}\n'
    columns = ("reviews.1.text", "reviews.1.tags.0")
    assert read(line, *columns) == [{"reviews.1.text": "b", "reviews.1.tags.0": "x"}]
    with pytest.raises(InputError) as caught:
        read(line, "reviews.2.text")
    assert caught.value.code == "unknown_column"


@pytest.mark.parametrize(
    "line", ["[1]", "null", "3", '{"text": ', "x", "[" * 100_000, '{"text":' * 50_000, "9" * 5_000]
)
def test_a_line_that_is_no_object_is_a_broken_row(line: str) -> None:
    good = '{"text": "a", "label": 1}\n'
    rows = read(good + line + "\n" + good)
    assert [getattr(row, "reason", row.get("text")) for row in rows] == ["a", "malformed", "a"]


def test_a_line_that_is_too_long_is_a_broken_row() -> None:
    good = '{"text": "a", "label": 1}\n'
    rows = read(good + '{"text": "' + "x" * 2**21 + '"}\n' + good)
    assert [getattr(row, "reason", row.get("text")) for row in rows] == ["a", "over_long", "a"]


@pytest.mark.parametrize("data", ['["a"]', "[1", '{\n "text": "a"\n}', "text,label\n"])
def test_a_file_that_does_not_begin_with_an_object(data: str) -> None:
    with pytest.raises(InputError) as caught:
        read(data)
    assert caught.value.code == "not_json_lines"


@pytest.mark.parametrize(
    ("column", "hint"), [("txt", "text"), ("review.txt", "review"), ("text.more", "text")]
)
def test_a_wrong_field_names_its_neighbours(column: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        read('{"text": "a", "label": 1, "review": {"text": "a"}}', column, "label")
    assert caught.value.code == "unknown_column"
    assert hint in caught.value.hint


def test_an_empty_file_has_no_rows() -> None:
    assert read("") == []
    assert read("\n  \n") == []
