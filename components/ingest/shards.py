"""A split's rows as Parquet shards, the same bytes for the same rows."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as parquet

from components.contract.limits import SHARD_ROWS

GROUP_ROWS = 2_500
"""Rows of a row group; `SHARD_ROWS` is a multiple. A few megabytes are buffered for each split."""


class ShardWriter:
    """Writes `<split>/<number>.parquet`; a context manager.

    Args:
        folder: The split's folder; made even when no row comes.
        slices: Names of the slice columns.
    """

    def __init__(self, folder: Path, slices: tuple[str, ...]) -> None:
        folder.mkdir()
        self._folder = folder
        self._schema = pa.schema(
            [
                ("text", pa.string()),
                ("label", pa.int32()),
                ("digest", pa.binary(16)),
                *((name, pa.string()) for name in slices),
            ]
        )
        self._dictionaries = ["label", *slices]
        self._pending = self._schema.empty_table()
        self._writer: Any = None
        self._stream: Any = None
        self._shards = self._rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None and len(self._pending):
                self._write(self._pending)
        finally:
            self._close()

    def add(self, table: Any) -> None:
        """Write rows, behind those that came before; further columns are left out."""
        rows = table.select(self._schema.names).cast(self._schema)
        self._pending = pa.concat_tables([self._pending, rows])
        while len(self._pending) >= GROUP_ROWS:
            self._write(self._pending.slice(0, GROUP_ROWS))
            self._pending = self._pending.slice(GROUP_ROWS)

    def _write(self, group: Any) -> None:
        if self._rows == SHARD_ROWS:
            self._close()
        if self._writer is None:
            self._stream = (self._folder / f"{self._shards:05d}.parquet").open("wb")
            self._writer = parquet.ParquetWriter(
                self._stream,
                self._schema,
                compression="zstd",
                use_dictionary=self._dictionaries,
                write_statistics=self._dictionaries,
            )
            self._shards, self._rows = self._shards + 1, 0
        self._writer.write_table(group.combine_chunks(), row_group_size=GROUP_ROWS)
        self._rows += len(group)

    def _close(self) -> None:
        writer, stream = self._writer, self._stream
        self._writer = self._stream = None
        try:
            if writer is not None:
                writer.close()
        finally:
            if stream is not None:
                stream.close()
