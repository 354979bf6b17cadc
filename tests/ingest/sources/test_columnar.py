from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from components.contract.errors import InputError
from components.ingest.settings import SourceSettings
from components.ingest.sources import open_source
from components.ingest.sources.columnar import read_parquet
from components.ingest.sources.source import Row


def read(table: Any, *columns: str) -> list[Row]:
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    buffer.seek(0)
    return list(read_parquet(buffer, "x.parquet", columns or ("text", "label")))


def test_columns_of_any_type() -> None:
    table = pa.table({"id": [1, 2], "text": ["a", None], "label": pa.array([1, 0], pa.int8())})
    assert read(table) == [{"text": "a", "label": 1}, {"text": None, "label": 0}]


def test_dictionaries_and_large_strings() -> None:
    table = pa.table(
        {
            "text": pa.array(["a", "b"], pa.large_string()),
            "label": pa.array(["x", "y"]).dictionary_encode(),
        }
    )
    assert read(table) == [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]


def test_dotted_names_reach_into_structs() -> None:
    table = pa.table(
        {
            "review": [{"text": "a", "by": {"name": "me"}}, {"text": "b", "by": None}],
            "review.stars": [5, 1],
        }
    )
    assert read(table, "review.text", "review.by.name", "review.stars") == [
        {"review.text": "a", "review.by.name": "me", "review.stars": 5},
        {"review.text": "b", "review.by.name": None, "review.stars": 1},
    ]


def test_strings_that_are_not_utf8_become_surrogates() -> None:
    raw = pa.array([b"fine", b"caf\xe9", None], pa.binary()).view(pa.string())
    rows = read(pa.table({"text": raw, "label": [1, 2, 3]}))
    assert [row["text"] for row in rows] == ["fine", "caf\udce9", None]


def test_rows_come_in_batches() -> None:
    assert len(read(pa.table({"text": ["x"] * 2_500, "label": [0] * 2_500}))) == 2_500


@pytest.mark.parametrize("column", ["txt", "text.inner", "review.txt"])
def test_a_wrong_column(column: str) -> None:
    with pytest.raises(InputError) as caught:
        read(pa.table({"text": ["a"], "label": [1], "review": [{"text": "a"}]}), column, "label")
    assert caught.value.code == "unknown_column"


@pytest.mark.parametrize("cut", [1, 100, 500])
def test_a_file_that_was_cut_short(tmp_path: Path, cut: int) -> None:
    parquet.write_table(pa.table({"text": ["a"] * 100, "label": [1] * 100}), tmp_path / "x.parquet")
    data = (tmp_path / "x.parquet").read_bytes()[:-cut]
    with pytest.raises(InputError) as caught:
        list(read_parquet(io.BytesIO(data), "x.parquet", ("text", "label")))
    assert caught.value.code == "unreadable_source"
    assert "\n" not in str(caught.value)


def test_a_damaged_page() -> None:
    buffer = io.BytesIO()
    table = pa.table({"text": [f"text {i}" for i in range(1_000)], "label": [1] * 1_000})
    parquet.write_table(table, buffer, compression="zstd")
    data = bytearray(buffer.getvalue())
    data[20:400] = bytes(380)
    with pytest.raises((InputError, OSError)):
        list(read_parquet(io.BytesIO(bytes(data)), "x.parquet", ("text", "label")))


def test_an_empty_file_has_no_rows() -> None:
    assert list(read_parquet(io.BytesIO(), "x.parquet", ("text",))) == []


FEATURES = {
    "label": {"names": ["neg", "pos"], "_type": "ClassLabel"},
    "text": {"dtype": "string", "_type": "Value"},
}


def hub_table(features: Any = FEATURES) -> Any:
    """A table as the library `datasets` writes it: numbers, with their names in the schema."""
    table = pa.table({"text": ["a", "b", "c", "d"], "label": pa.array([1, 0, -1, 7], pa.int64())})
    return table.replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})}
    )


def test_a_hubs_numbers_have_their_names() -> None:
    assert [row["label"] for row in read(hub_table())] == ["pos", "neg", [], 7]


def test_names_that_the_user_gives_are_for_the_numbers(tmp_path: Path) -> None:
    parquet.write_table(hub_table().slice(0, 2), tmp_path / "a.parquet")
    for names, expected in (({}, ["pos", "neg"]), ({"0": "bad", "1": "good"}, [1, 0])):
        source = open_source(SourceSettings(str(tmp_path / "a.parquet"), label_names=names))
        assert [row["label"] for row in source.rows()] == expected


@pytest.mark.parametrize(
    "features",
    [None, [], {"label": None}, {"label": {"_type": "ClassLabel"}}, {"label": {"names": 3}},
     {"label": {"names": [], "_type": "ClassLabel"}}],
    ids=str,
)  # fmt: skip
def test_other_metadata_names_nothing(features: Any) -> None:
    assert [row["label"] for row in read(hub_table(features))] == [1, 0, -1, 7]
