"""Several readers of one file: each row is one reader's, and all know every row's number."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from components.contract.errors import InputError
from components.ingest.sources import BrokenRow, Row, SkippedRows
from components.ingest.sources.formats import read_rows
from components.ingest.sources.share import Share

COLUMNS = ("text", "label")
CSV = (
    b'text,label\r\n\r\n"a, ""b""\nc",1\r\ntoo few\r\n,\r\nd,2,,\r\n"e"f,3\r\n'
    + b"x" * 200_000
    + b',1\r\n"g\r\n\r\nh",4\r\ni,5'
)
JSONL = (
    b'{"text": "a", "label": 1}\n\n  \n[1]\nnull\n{"text": "b"}\nx\n'
    b'{"text": "'
    + b"y" * 2**20
    + b'"}\n{"label": "c", "text": null}\n \xc2\xa0 \n{"text": "d", "label": {}}'
)


def parquet_bytes(rows: int, group: int) -> bytes:
    file = io.BytesIO()
    table = pa.table({"label": range(rows), "text": [f"text {i}" for i in range(rows)]})
    parquet.write_table(table, file, row_group_size=group)
    return file.getvalue()


FILES = {
    "a.csv": CSV,
    "a.tsv": CSV.replace(b",", b"\t"),
    "a.jsonl": JSONL,
    "one group.parquet": parquet_bytes(2_500, 10_000),
    "many groups.parquet": parquet_bytes(2_500, 7),
    "few rows.parquet": parquet_bytes(3, 2),
    "no rows.parquet": parquet_bytes(0, 7),
    "empty.csv": b"",
    "header.csv": b"text,label\r\n",
    "empty.jsonl": b"\n",
}


def numbered(name: str, share: Share) -> Iterator[tuple[int, Row]]:
    """A reader's rows with their numbers, and last the number of all rows, with no row."""
    number = 0
    for row in read_rows(io.BytesIO(FILES[name]), name, COLUMNS, share):
        number += row.count if isinstance(row, SkippedRows) else 1
        if not isinstance(row, SkippedRows):
            yield number, row
    yield number, {}


@pytest.mark.parametrize("readers", [2, 3, 5, 11])
@pytest.mark.parametrize("name", FILES)
def test_each_row_is_one_readers(name: str, readers: int) -> None:
    *whole, (total, _) = numbered(name, Share())
    found = []
    for reader in range(readers):
        *own, (last, _) = numbered(name, Share(reader, readers))
        assert last == total
        assert abs(len(own) - total / readers) < 1, "the work is the same"
        found += own
    assert sorted(found, key=lambda pair: pair[0]) == whole


def test_broken_rows_are_one_readers_too() -> None:
    for name, broken in (("a.csv", 3), ("a.jsonl", 4)):
        rows = [row for _, row in numbered(name, Share())]
        assert len([row for row in rows if isinstance(row, BrokenRow)]) == broken


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.csv", b"txt,label\na,1\n", "unknown_column"),
        ("a.csv", b'text,label\na,1\n"b,1\n', "unclosed_quote"),
        ("a.jsonl", b'{"txt": 1}\n{"text": "a", "label": 1}', "unknown_column"),
        ("a.jsonl", b"[1]\n", "not_json_lines"),
        ("a.parquet", b"PAR1" * 9, "unreadable_source"),
    ],
)
def test_every_reader_refuses_what_one_would(name: str, content: bytes, code: str) -> None:
    for reader in range(3):
        with pytest.raises(InputError) as caught:
            list(read_rows(io.BytesIO(content), name, COLUMNS, Share(reader, 3)))
        assert caught.value.code == code


def test_lines_of_other_readers_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    from components.ingest.sources import jsonl

    parsed = []
    loads = jsonl.json.loads
    monkeypatch.setattr(jsonl.json, "loads", lambda line: parsed.append(line) or loads(line))
    lines = "\n".join(f'{{"text": "t{i}", "label": 1}}' for i in range(100))
    list(read_rows(io.BytesIO(lines.encode()), "a.jsonl", COLUMNS, Share(3, 10)))
    assert len(parsed) == 11  # its own, and the first for its columns


def test_row_groups_of_other_readers_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    iterate = parquet.ParquetFile.iter_batches

    def spy(self: parquet.ParquetFile, size: int, groups: list[int], **options: object) -> object:
        asked.append(groups)
        return iterate(self, size, groups, **options)

    monkeypatch.setattr(parquet.ParquetFile, "iter_batches", spy)
    content = parquet_bytes(100, 10)
    for reader in range(4):
        list(read_rows(io.BytesIO(content), "a.parquet", COLUMNS, Share(reader, 4)))
    assert asked == [[0, 1, 2], [2, 3, 4], [5, 6, 7], [7, 8, 9]]
