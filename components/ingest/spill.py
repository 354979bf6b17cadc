"""Records set aside on disk by the first byte of their digest, so that memory stays flat.

A partition holds every copy of a text that falls into it, and partitions in order hold all
records in the order of their digests: duplicates are found and rows are sorted one partition at
a time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from components.ingest.records import Record

PARTITIONS = 256
BUFFER_BYTES = 4 * 10**6
"""Records in memory before they are written; two of these are alive for a moment."""
TABLE_BYTES = 10**6
"""Smaller partitions are handed out together: 256 of thirty rows each would take a second."""
_RECORD_BYTES = 700
"""What Python's objects cost for one buffered record besides its text."""


def in_order(tables: Callable[[int], Iterable[Any]]) -> Iterator[Any]:
    """Records in the order of their digests' partitions.

    Args:
        tables: The tables of a partition, by its number.

    Yields:
        Tables of one partition or several small ones, with digest, label, row, split, text, the
        slice columns and count; within one, rows are in no order.
    """
    pending: list[Any] = []
    held = 0
    for number in range(PARTITIONS):
        for table in tables(number):
            pending.append(table)
            held += table.nbytes
        if held >= TABLE_BYTES:
            yield pa.concat_tables(pending)
            pending, held = [], 0
    if pending:
        yield pa.concat_tables(pending)


class Spill:
    """Writes records to partitions and reads them back.

    Args:
        folder: A folder of its own; the caller removes it.
        slices: Names of the records' slice columns.
    """

    def __init__(self, folder: Path, slices: tuple[str, ...]) -> None:
        folder.mkdir()
        self._folder = folder
        self._schema = pa.schema(
            [
                ("digest", pa.binary(16)),
                ("label", pa.int32()),
                ("row", pa.int64()),
                ("split", pa.int8()),
                ("text", pa.large_string()),
                *((name, pa.string()) for name in slices),
                ("count", pa.int64()),
            ]
        )
        self._buffers: list[dict[tuple[bytes, int], list[Any]]] = [{} for _ in range(PARTITIONS)]
        self._buffered = 0

    def add(self, record: Record) -> None:
        """Set a record aside; copies within the buffer are kept as one with a count."""
        buffer = self._buffers[record.digest[0]]
        entry = buffer.get(record[:2])
        if entry is not None:  # a text that half of the rows share can't fill its partition
            entry[1] += 1
            return
        buffer[record[:2]] = [record, 1]
        self._buffered += sys.getsizeof(record.text) + _RECORD_BYTES
        if self._buffered >= BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is buffered."""
        for number, buffer in enumerate(self._buffers):
            if buffer:
                self._append(self._file(number), self._batch(list(buffer.values())))
                buffer.clear()
        self._buffered = 0

    def partitions(self) -> Iterator[Any]:
        """All records; as `in_order`."""
        return in_order(self.tables)

    def tables(self, number: int) -> Iterator[Any]:
        """What of a partition is on disk, and what is still in the buffer; not to be had again."""
        file, buffer = self._file(number), self._buffers[number]
        if file.exists():
            with file.open("rb") as stream, pa.ipc.open_stream(stream) as reader:
                yield reader.read_all()
            file.unlink()
        if buffer:
            yield pa.Table.from_batches([self._batch(list(buffer.values()))])
            buffer.clear()

    def pack(self, file: Path) -> list[int]:
        """Move all records into one Arrow IPC file.

        Args:
            file: The file, for `Packed`.

        Returns:
            Where each partition's record batches begin among the file's, and their number:
            `PARTITIONS` + 1 numbers.
        """
        begins = [0]
        with file.open("wb") as stream, pa.ipc.new_file(stream, self._schema) as writer:
            for number in range(PARTITIONS):
                tables = list(self.tables(number))
                batches = pa.concat_tables(tables).combine_chunks().to_batches() if tables else []
                for batch in batches:
                    writer.write_batch(batch)
                begins.append(begins[-1] + len(batches))
        return begins

    def _batch(self, entries: list[list[Any]]) -> Any:
        *own, slices = zip(*(record for record, _ in entries), strict=True)
        columns = [*own, *zip(*slices, strict=True), [count for _, count in entries]]
        arrays = [pa.array(c, field.type) for c, field in zip(columns, self._schema, strict=True)]
        return pa.record_batch(arrays, schema=self._schema)

    def _append(self, file: Path, batch: Any) -> None:
        # A stream is a schema and batches, so batches can be appended without 256 open files.
        with file.open("ab") as stream:
            if stream.tell() == 0:
                stream.write(self._schema.serialize())
            stream.write(batch.serialize())

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:03d}.arrow"
