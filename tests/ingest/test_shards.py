from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from components.contract.limits import SHARD_ROWS
from components.ingest import shards as shards_module
from components.ingest.shards import GROUP_ROWS, ShardWriter


def table(start: int, end: int) -> object:
    return pa.table(
        {
            "digest": pa.array([i.to_bytes(16, "big") for i in range(start, end)], pa.binary(16)),
            "label": pa.array([i % 2 for i in range(start, end)], pa.int32()),
            "row": list(range(start, end)),
            "text": pa.array([f"text {i}" for i in range(start, end)], pa.large_string()),
            "from": ["here"] * (end - start),
        }
    )


def write(folder: Path, cuts: list[int]) -> list[bytes]:
    with ShardWriter(folder, ("from",)) as writer:
        for start, end in zip([0, *cuts], cuts, strict=False):
            writer.add(table(start, end))
    return [file.read_bytes() for file in sorted(folder.iterdir())]


def test_columns_and_types(tmp_path: Path) -> None:
    write(tmp_path / "train", [3])
    read = parquet.read_table(tmp_path / "train" / "00000.parquet")
    assert [(field.name, str(field.type)) for field in read.schema] == [
        ("text", "string"),
        ("label", "int32"),
        ("digest", "fixed_size_binary[16]"),
        ("from", "string"),
    ]
    assert read["text"].to_pylist() == ["text 0", "text 1", "text 2"]


def test_bytes_do_not_depend_on_how_rows_arrive(tmp_path: Path) -> None:
    one = write(tmp_path / "one", [6_000])
    many = write(tmp_path / "many", [1, 7, 7, 2_500, 2_501, 5_400, 6_000])
    assert one == many


def test_a_full_shard_is_followed_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards_module, "SHARD_ROWS", 2 * GROUP_ROWS)
    write(tmp_path / "train", [2 * GROUP_ROWS])
    write(tmp_path / "test", [1_000, 6 * GROUP_ROWS + 1])
    assert [file.name for file in (tmp_path / "train").iterdir()] == ["00000.parquet"]
    files = sorted((tmp_path / "test").iterdir())
    assert [file.name for file in files] == [f"0000{i}.parquet" for i in range(4)]
    rows = [parquet.read_metadata(file).num_rows for file in files]
    assert rows == [2 * GROUP_ROWS] * 3 + [1]
    texts = [t for file in files for t in parquet.read_table(file)["text"].to_pylist()]
    assert texts == [f"text {i}" for i in range(6 * GROUP_ROWS + 1)]


def test_shards_are_whole_row_groups() -> None:
    assert SHARD_ROWS % GROUP_ROWS == 0


def test_no_rows_no_file(tmp_path: Path) -> None:
    assert write(tmp_path / "test", []) == []
    assert (tmp_path / "test").is_dir()


def test_an_error_leaves_no_open_file(tmp_path: Path) -> None:
    with pytest.raises(KeyError), ShardWriter(tmp_path / "train", ()) as writer:  # noqa: PT012
        writer.add(table(0, GROUP_ROWS))
        raise KeyError
