"""CSV (https://www.rfc-editor.org/rfc/rfc4180) and TSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import IO

from components.contract.errors import InputError
from components.ingest.sources.lines import Lines, LineTooLong
from components.ingest.sources.share import WHOLE, Share
from components.ingest.sources.source import SKIPPED, BrokenRow, Row, check_columns

QUOTED_CHARACTERS = 2**20
"""A quoted field that runs on for longer was never closed: a stray quote swallows the file."""


def read_csv(
    stream: IO[bytes], name: str, columns: tuple[str, ...], share: Share = WHOLE
) -> Iterator[Row]:
    """Rows of a comma-separated file; see `read_delimited`."""
    return read_delimited(stream, name, columns, ",", share)


def read_tsv(
    stream: IO[bytes], name: str, columns: tuple[str, ...], share: Share = WHOLE
) -> Iterator[Row]:
    """Rows of a tab-separated file; see `read_delimited`."""
    return read_delimited(stream, name, columns, "\t", share)


def read_delimited(
    stream: IO[bytes],
    name: str,
    columns: tuple[str, ...],
    delimiter: str,
    share: Share = WHOLE,
) -> Iterator[Row]:
    """Rows of a delimited file with a header.

    Args:
        stream: The file, open for reading bytes.
        name: Its name, for messages.
        columns: The columns that are wanted.
        delimiter: What stands between fields.
        share: Which rows; the others are parsed, which is how their ends are found, and no more.

    Yields:
        A mapping of the wanted columns; a `BrokenRow` where fields are missing, surplus or
        larger than `csv.field_size_limit()`, or where quotes contradict each other.

    Raises:
        InputError: `unknown_column`, `not_text`, `unclosed_quote`.
    """
    with Lines(stream, name) as lines:
        yield from _records(lines, name, columns, delimiter, share)


def _records(
    lines: Lines, name: str, columns: tuple[str, ...], delimiter: str, share: Share
) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    places: list[int] = []
    number = -1
    while True:
        first, lines.quotes = lines.number + 1, 0
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, LineTooLong) as error:
            if header is None:
                raise InputError(
                    "unreadable_source", f"The header of {name!r} can't be read: {error}."
                ) from error
            _find_record_end(lines, name, first)
            number += 1
            over_long = isinstance(error, LineTooLong) or "field limit" in str(error)
            reason = "over_long" if over_long else "malformed"
            yield BrokenRow(reason, f"line {first}: {error}") if share.has(number) else SKIPPED
            continue
        if not cells:  # an empty line is no row
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            check_columns(columns, header, name)
            places = [header.index(column) for column in columns]
            continue
        number += 1
        if not share.has(number):
            yield SKIPPED
        elif len(cells) == len(header) or (len(cells) > len(header) and _blank(cells, header)):
            yield {column: cells[place] for column, place in zip(columns, places, strict=True)}
        else:
            yield BrokenRow("malformed", delimiter.join(cells)[:200])


def _blank(cells: list[str], header: list[str]) -> bool:
    """Whether the surplus is only empty cells, as spreadsheets leave behind."""
    return not any(cells[len(header) :])


def _find_record_end(lines: Lines, name: str, first: int) -> None:
    """Go on to the end of a broken record: the line that closes the quotes it opened."""
    skipped = 0
    while lines.quotes % 2 and not lines.ended and skipped <= QUOTED_CHARACTERS:
        try:
            skipped += len(next(lines, ""))
        except LineTooLong:
            break
    if lines.quotes % 2:
        raise InputError(
            "unclosed_quote",
            f"The quotes in {name!r} don't pair up from line {first} on.",
            "Double every quote inside a quoted field; or the file was cut short.",
        )
