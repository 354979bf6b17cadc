"""File formats, told by a name's ending."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import IO, Any, cast

from components.contract.errors import InputError
from components.ingest.sources.columnar import read_parquet
from components.ingest.sources.delimited import read_csv, read_tsv
from components.ingest.sources.jsonl import read_json
from components.ingest.sources.share import WHOLE, Share
from components.ingest.sources.source import Row

Reader = Callable[[IO[bytes], str, tuple[str, ...], Share], Iterator[Row]]

READERS: dict[str, Reader] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".json": read_json,
    ".parquet": read_parquet,
}
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
RANDOM_ACCESS = (".parquet",)
"""Formats whose index is at the file's end; compressing the whole file would hide it."""


def format_of(name: str) -> tuple[str, str]:
    """A file's format and compression.

    Args:
        name: Its name or address.

    Returns:
        A key of `READERS` and a value of `COMPRESSIONS`, or "" for none.

    Raises:
        InputError: `unknown_format`.
    """
    suffixes = [suffix.lower() for suffix in PurePosixPath(name.split("?")[0]).suffixes]
    compression = COMPRESSIONS.get(suffixes[-1], "") if suffixes else ""
    if compression:
        suffixes.pop()
    ending = suffixes[-1] if suffixes else ""
    if ending not in READERS or (compression and ending in RANDOM_ACCESS):
        raise InputError(
            "unknown_format",
            f"{name!r} doesn't end like a format that can be read.",
            f"Known: {', '.join(READERS)}; all but Parquet also with .gz or .zst.",
        )
    return ending, compression


def choose(names: Iterable[str], uri: str) -> tuple[str, ...]:
    """The data files among a folder's files, in order of name.

    Args:
        names: All names found there.
        uri: The address, for messages.

    Returns:
        The names whose ending is known; hidden ones and the like of `_SUCCESS` are left out.

    Raises:
        InputError: `not_found` when there is none, `mixed_formats` when they aren't of one kind.
    """
    formats = {}
    for name in sorted(names):
        if not PurePosixPath(name).name.startswith((".", "_")):
            try:
                formats[name] = format_of(name)[0]
            except InputError:
                continue  # a README beside the data is no data
    if not formats:
        raise InputError(
            "not_found", f"{uri!r} holds no data file.", f"Known formats: {', '.join(READERS)}."
        )
    kinds = {READERS[ending] for ending in formats.values()}
    if len(kinds) > 1:
        raise InputError(
            "mixed_formats",
            f"{uri!r} holds files of {' and '.join(sorted(set(formats.values())))}.",
            "Choose one with a glob, such as data/*.csv.",
        )
    return tuple(formats)


def read_rows(
    stream: IO[bytes],
    name: str,
    columns: tuple[str, ...],
    share: Share = WHOLE,
    named: bool = True,
) -> Iterator[Row]:
    """Rows of a file in the format of its name.

    Args:
        stream: The file, open for reading bytes.
        name: Its name.
        columns: The columns that are wanted.
        share: Which rows.
        named: As for `read_parquet`.

    Returns:
        As that format's reader yields them, which raises as it does.
    """
    ending, compression = format_of(name)
    if compression:
        import pyarrow as pa

        # Arrow's, because it notices a stream that was cut short, whichever the compression.
        stream = cast(IO[bytes], pa.CompressedInputStream(cast(Any, stream), compression))
    if ending == ".parquet":
        return read_parquet(stream, name, columns, share, named)
    return READERS[ending](stream, name, columns, share)
