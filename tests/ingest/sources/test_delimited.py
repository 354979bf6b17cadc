from __future__ import annotations

import contextlib
import csv
import io
import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.contract.errors import InputError
from components.ingest.sources.delimited import read_csv, read_tsv
from components.ingest.sources.source import BrokenRow, Row

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


def read(data: bytes, columns: Sequence[str] = ("text", "label")) -> list[Row]:
    return list(read_csv(io.BytesIO(data), "x.csv", tuple(columns)))


@given(st.lists(st.tuples(CELLS, CELLS), max_size=8))
def test_what_the_csv_module_writes_is_read(rows: list[tuple[str, str]]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(["text", "label"])
    writer.writerows(rows)
    assert [tuple(r.values()) for r in read(buffer.getvalue().encode())] == rows


@given(st.binary(max_size=200))
def test_any_bytes_are_rows_or_an_input_error(data: bytes) -> None:
    rows: list[Row] = []
    with contextlib.suppress(InputError):  # and nothing else
        rows = read(b"text,label\n" + data)
    assert all(isinstance(r, BrokenRow) or set(r) == {"text", "label"} for r in rows)


def test_columns_are_found_by_name_and_others_left_out() -> None:
    rows = read(b"id, label ,text\n1,pos,good\n", ["text", "label"])
    assert rows == [{"text": "good", "label": "pos"}]


def test_tabs_separate_too() -> None:
    rows = list(read_tsv(io.BytesIO(b'text\tlabel\n5" disk, big\t1\n'), "x.tsv", ("text", "label")))
    assert rows == [{"text": '5" disk, big', "label": "1"}]


def test_empty_lines_and_empty_surplus_cells_are_nothing() -> None:
    assert read(b"\ntext,label\n\na,1,,\n\r\nb,0\n") == [
        {"text": "a", "label": "1"},
        {"text": "b", "label": "0"},
    ]


def test_an_empty_file_has_no_rows() -> None:
    assert read(b"") == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"a", "malformed"),
        (b"a,b,1", "malformed"),
        (b'"He said "hi" to me",1', "malformed"),
        (b"x" * 131_073 + b",1", "over_long"),
        (b"x" * 3_000_000 + b",1", "over_long"),
        (b'"' + b"line\n" * 40_000 + b'",1', "over_long"),
        (b'"' + b"x" * 2_000_000 + b'\nmore",1', "over_long"),
    ],
    ids=["short", "long", "quotes", "field", "line", "lines", "quoted line"],
)
def test_a_broken_row_is_one_row_and_the_next_is_whole(line: bytes, reason: str) -> None:
    rows = read(b"text,label\nfirst,0\n" + line + b"\nlast,1\n")
    assert [getattr(row, "reason", row.get("text")) for row in rows] == ["first", reason, "last"]


@pytest.mark.parametrize(
    "rest",
    [
        b'"never closed,1\n' + b"more,1\n" * 3,
        b'"never closed,1\n' + b"more,1\n" * 300_000,
        b'"stray,1\n"good",1\n"good",0\n',
        b'fine,1\n"cut sho',
    ],
    ids=["at the end", "far from the end", "quoted rows behind", "cut short"],
)
def test_an_unclosed_quote_swallows_no_rows_in_silence(rest: bytes) -> None:
    with pytest.raises(InputError) as caught:
        read(b"text,label\n" + rest)
    assert caught.value.code == "unclosed_quote"
    assert f"line {3 if rest.startswith(b'fine') else 2} on" in caught.value.message


def test_a_header_that_cannot_be_read() -> None:
    with pytest.raises(InputError) as caught:
        read(b'"text"x,label\na,1\n')
    assert caught.value.code == "unreadable_source"


def test_a_wrong_column_names_its_neighbours() -> None:
    with pytest.raises(InputError) as caught:
        read(b"review_text,sentiment\na,1\n", ["review_txt", "sentiment"])
    assert caught.value.code == "unknown_column"
    assert "Did you mean review_text" in caught.value.hint


def test_a_huge_line_is_not_held() -> None:
    class Endless(io.RawIOBase):
        left = 200 * 2**20
        head = b"text,label\n"

        def readable(self) -> bool:
            return True

        def readinto(self, target: memoryview) -> int:  # type: ignore[override]
            if self.head:
                size = len(self.head)
                target[:size], self.head = self.head, b""
                return size
            size = min(len(target), self.left)
            target[:size] = b"x" * size
            self.left -= size
            return size

    tracemalloc.start()
    rows = list(read_csv(Endless(), "x.csv", ("text", "label")))  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [getattr(row, "reason", "") for row in rows] == ["over_long"]
    assert peak < 20e6
