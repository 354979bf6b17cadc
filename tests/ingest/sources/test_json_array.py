from __future__ import annotations

import io
import json
import tracemalloc
from typing import Any

import pytest

from components.contract.errors import InputError
from components.ingest.sources.json_array import BLOCK_CHARACTERS
from components.ingest.sources.jsonl import read_json
from components.ingest.sources.lines import LINE_CHARACTERS
from components.ingest.sources.share import Share
from components.ingest.sources.source import BrokenRow, Row, SkippedRows

ROWS = [{"text": f'ligne {i} — été 😀 \\ " [{{', "label": i % 3} for i in range(5_000)]


def read(data: str | bytes, share: Share | None = None) -> list[Row]:
    raw = data.encode() if isinstance(data, str) else data
    columns = ("text", "label")
    return list(read_json(io.BytesIO(raw), "x.json", columns, share or Share()))


@pytest.mark.parametrize(
    "options",
    [{}, {"indent": 4}, {"ensure_ascii": False}, {"separators": (",", ":")}],
    ids=["plain", "indented", "unescaped", "dense"],
)
def test_an_array_of_objects_is_rows(options: dict[str, Any]) -> None:
    assert len(json.dumps(ROWS)) > 3 * BLOCK_CHARACTERS
    assert read(json.dumps(ROWS, **options)) == ROWS
    assert read(b"\xef\xbb\xbf \n\t" + json.dumps(ROWS, **options).encode() + b"\n\n") == ROWS
    assert read(json.dumps(ROWS, **options).encode("utf-16")) == ROWS


def test_an_empty_array_has_no_rows() -> None:
    assert read("[]") == read(" [ \n ] ") == []


def test_an_element_that_is_no_object_is_a_broken_row() -> None:
    rows = read('[{"text": "a", "label": 1}, 3, null, [1], "x", {"text": "b"}]')
    assert [getattr(row, "reason", row.get("text")) for row in rows] == [
        "a", *["malformed"] * 4, "b",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (json.dumps(ROWS)[:-40], "element 5,000 is cut short"),
        (json.dumps(ROWS)[:-1], "after element 5,000 there is no comma and no end"),
        ('[{"text": "a", "label": 1},', "element 2"),
        ('[{"text": "a", "label": 1} {}]', "after element 1"),
        ('[{"text": "a", "label": 1}] x', "something follows its end"),
        ('[{"text": "a", "label": 1}, {"text": \'b\'}]', "element 2"),
        ('[{"text": "' + "x" * 2 * LINE_CHARACTERS + '", "label": 1}]', "element 1"),
        ('[{"text": ' + "[" * 100_000, "element 1"),
        ('[{"text": ' + "9" * 100_000 + "}]", "element 1"),
    ],
    ids=["cut", "no end", "comma", "no comma", "more", "quotes", "long", "deep", "digits"],
)
def test_what_is_no_whole_array_is_one_sentence(data: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read(data)
    assert caught.value.code == "unreadable_source"
    assert words in caught.value.message
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("readers", [2, 3, 7])
def test_each_element_is_one_readers(readers: int) -> None:
    data = json.dumps([*ROWS[:20], 3, *ROWS[20:40]])
    found: dict[int, Row] = {}
    for reader in range(readers):
        for number, row in enumerate(read(data, Share(reader, readers))):
            if not isinstance(row, SkippedRows):
                assert number not in found
                found[number] = row
    assert len(found) == 41
    assert isinstance(found.pop(20), BrokenRow)
    assert [found[n] for n in sorted(found)] == ROWS[:40]


class Generated(io.RawIOBase):
    """A file of ten megabytes that nobody holds."""

    def __init__(self) -> None:
        self._rows = 0
        self._rest = b"["

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while len(self._rest) < len(buffer) and self._rows < 50_000:
            self._rest += b'{"text": "' + b"word " * 35 + b'%d", "label": 1},' % self._rows
            self._rows += 1
            if self._rows == 50_000:
                self._rest = self._rest[:-1] + b"]"
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def test_memory_does_not_grow_with_the_array() -> None:
    rows = read_json(Generated(), "x.json", ("text", "label"))  # type: ignore[arg-type]
    next(rows)
    tracemalloc.start()
    try:
        assert sum(1 for _ in rows) == 49_999
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
