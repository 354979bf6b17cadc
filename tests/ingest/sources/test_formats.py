from __future__ import annotations

import gzip
import io

import pytest
import zstandard

from components.contract.errors import InputError
from components.ingest.sources.formats import choose, format_of, read_rows

CSV = b"text,label\n" + b"".join(b"row %d,%d\n" % (i, i % 2) for i in range(2_000))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.csv", (".csv", "")),
        ("/x.y/A.CSV.GZ", (".csv", "gzip")),
        ("a.b.jsonl.zst", (".jsonl", "zstd")),
        ("https://x.example/a.tsv?token=b.zip", (".tsv", "")),
        ("a.parquet", (".parquet", "")),
    ],
)
def test_a_name_tells_the_format(name: str, expected: tuple[str, str]) -> None:
    assert format_of(name) == expected


@pytest.mark.parametrize(
    "name", ["a", "a.xlsx", "a.gz", "csv", "a.parquet.gz", ".csv/x", "a.csv.bz2"]
)
def test_a_name_that_tells_none(name: str) -> None:
    with pytest.raises(InputError) as caught:
        format_of(name)
    assert caught.value.code == "unknown_format"
    assert ".jsonl" in caught.value.hint


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_compressed_files(compress: object) -> None:
    assert callable(compress)
    name = "a.csv.gz" if compress is gzip.compress else "a.csv.zst"
    plain = list(read_rows(io.BytesIO(CSV), "a.csv", ("text", "label")))
    assert len(plain) == 2_000
    packed = compress(CSV)
    assert list(read_rows(io.BytesIO(packed), name, ("text", "label"))) == plain
    twice = io.BytesIO(packed + compress(b"last,1\n"))  # as `cat a.gz b.gz` makes
    assert len(list(read_rows(twice, name, ("text", "label")))) == 2_001
    for cut in (1, 5, 200):
        with pytest.raises(OSError, match="Truncated"):
            list(read_rows(io.BytesIO(packed[:-cut]), name, ("text", "label")))


def test_data_files_are_chosen_in_order() -> None:
    names = ["d/b.csv", "d/a.csv.gz", "d/README.md", "d/.hidden.csv", "d/_SUCCESS", "d/_x.csv"]
    assert choose(names, "d") == ("d/a.csv.gz", "d/b.csv")


def test_three_endings_of_json_lines_are_one_format() -> None:
    assert len(choose(["a.json", "b.jsonl", "c.ndjson"], "d")) == 3


@pytest.mark.parametrize(
    ("names", "code"), [(["a.md"], "not_found"), (["a.csv", "b.tsv"], "mixed_formats")]
)
def test_folders_without_one_kind_of_data(names: list[str], code: str) -> None:
    with pytest.raises(InputError) as caught:
        choose(names, "d")
    assert caught.value.code == code
