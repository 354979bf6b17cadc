"""Parquet (https://parquet.apache.org/docs/file-format/)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import IO, Any

from components.contract.errors import InputError
from components.contract.limits import READ_BATCH_ROWS
from components.ingest.sources.share import WHOLE, Share
from components.ingest.sources.source import Row, SkippedRows, check_columns


def read_parquet(
    stream: IO[bytes],
    name: str,
    columns: tuple[str, ...],
    share: Share = WHOLE,
    named: bool = True,
) -> Iterator[Row]:
    """Rows of a Parquet file, decoded a batch at a time.

    Args:
        stream: The file, open for reading bytes, seekable.
        name: Its name, for messages.
        columns: The columns that are wanted; `review.text` reaches into a struct.
        share: Which rows; of the others those alone are decoded that stand before the first one
            in its row group.
        named: Whether numbers of which a Hugging Face dataset keeps the names become those.

    Yields:
        A mapping of the wanted columns.

    Raises:
        InputError: `unknown_column`; `unreadable_source` when it isn't a whole Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    if not stream.read(1):
        return
    stream.seek(0)
    try:
        # No pre-buffering and a small buffer: a row group may be larger than the memory.
        with parquet.ParquetFile(stream, pre_buffer=False, buffer_size=2**20) as file:
            schema = file.schema_arrow
            paths = {c: path for c in columns if (path := _path(schema, c)) is not None}
            reached = (column for column in paths if column not in schema.names)
            check_columns(columns, [*schema.names, *reached], name)
            # `columns` selects whole branches: a column named `a` also selects `a.b`
            rows = file.metadata.num_rows
            start, end = share.span(rows)
            groups, skipped = _groups(file.metadata, start, end)
            names = class_names(schema.metadata) if named else {}
            if start:
                yield SkippedRows(start)
            batches = file.iter_batches(
                READ_BATCH_ROWS, groups, columns=[".".join(p) for p in paths.values()]
            )
            for batch in _slices(batches, start - skipped, end - skipped):
                values = [
                    _named(_values(batch, paths[column]), names.get(column)) for column in columns
                ]
                for cells in zip(*values, strict=True):
                    yield dict(zip(columns, cells, strict=True))
            if rows > end:
                yield SkippedRows(rows - end)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(
            "unreadable_source",
            f"{name!r} is not a whole Parquet file: {str(error).splitlines()[0]}",
        ) from error


def class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """The names behind the numbers of a Hugging Face dataset's columns.

    Its library keeps them in the file's schema
    (https://huggingface.co/docs/datasets/main_classes#datasets.ClassLabel).

    Args:
        metadata: The schema's.

    Returns:
        Column -> names; empty for any other file.
    """
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        found = {
            str(column): feature["names"]
            for column, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return {}
    return {c: names for c, names in found.items() if isinstance(names, list) and names}


def _named(values: list[Any], names: list[str] | None) -> list[Any]:
    """Names for numbers; -1, which says that there is no label yet, is the empty list."""
    if names is None:
        return values
    known: dict[Any, Any] = {**dict(enumerate(map(str, names))), -1: []}
    return [known.get(value, value) if isinstance(value, int) else value for value in values]


def _groups(metadata: Any, start: int, end: int) -> tuple[list[int], int]:
    """The row groups that hold rows of a range, and how many rows stand before them."""
    groups, before, passed = [], 0, 0
    for number in range(metadata.num_row_groups):
        rows = metadata.row_group(number).num_rows
        if passed + rows <= start:
            before = passed + rows
        elif passed < end:
            groups.append(number)
        passed += rows
    return groups, before


def _slices(batches: Iterator[Any], start: int, end: int) -> Iterator[Any]:
    """What of batches lies in a range of their rows."""
    passed = 0
    for batch in batches:
        first, last = max(start - passed, 0), min(end - passed, len(batch))
        if first < last:
            yield batch.slice(first, last - first)
        passed += len(batch)
        if passed >= end:
            return


def _path(schema: Any, column: str) -> list[str] | None:
    """Where a column is: its name, or names from the outermost struct inwards."""
    import pyarrow as pa

    if column in schema.names:
        return [column]
    head, dot, rest = column.partition(".")
    if not dot or head not in schema.names or not pa.types.is_struct(schema.field(head).type):
        return None
    inner = _path(pa.schema(list(schema.field(head).type)), rest)
    return None if inner is None else [head, *inner]


def _values(batch: Any, path: list[str]) -> list[Any]:
    import pyarrow as pa
    import pyarrow.compute as compute

    column = batch.column(batch.schema.get_field_index(path[0]))
    for name in path[1:]:
        column = compute.struct_field(column, name)
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:  # Parquet files may hold strings that aren't UTF-8
        raw = column.cast(
            pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary()
        )
        return [
            None if v is None else v.decode("utf-8", "surrogateescape") for v in raw.to_pylist()
        ]
