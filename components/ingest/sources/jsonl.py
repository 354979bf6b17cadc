"""JSON Lines: one object a line (https://jsonlines.org)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from components.contract.errors import InputError
from components.ingest.sources.lines import Lines, LineTooLong
from components.ingest.sources.share import WHOLE, Share
from components.ingest.sources.source import SKIPPED, BrokenRow, Row, check_columns

_ABSENT = object()


def read_jsonl(
    stream: IO[bytes], name: str, columns: tuple[str, ...], share: Share = WHOLE
) -> Iterator[Row]:
    """Rows of a JSON Lines file.

    Args:
        stream: The file, open for reading bytes.
        name: Its name, for messages.
        columns: The fields that are wanted; `review.text` reaches into a nested object.
        share: Which rows; lines of the others are found but not parsed.

    Yields:
        A mapping of the wanted fields, None where a later row lacks one; a `BrokenRow` where a
        line isn't a JSON object.

    Raises:
        InputError: `not_text`, `not_json_lines` when the first line isn't an object,
            `unknown_column` when the first object lacks a field.
    """
    with Lines(stream, name) as lines:
        yield from _records(lines, name, columns, share)


def _records(lines: Lines, name: str, columns: tuple[str, ...], share: Share) -> Iterator[Row]:
    first = True
    number = -1
    while True:
        try:
            line = next(lines)
            if line.strip():
                number += 1
                if not first and not share.has(number):
                    yield SKIPPED
                    continue
            record = json.loads(line) if line.strip() else None
        except StopIteration:
            return
        except LineTooLong as error:
            number += 1
            yield BrokenRow("over_long", str(error)) if share.has(number) else SKIPPED
            continue
        except (ValueError, RecursionError):  # nested too deeply, or a number of 5,000 digits
            record = line
        if record is None and line.strip() != "null":
            continue
        if not isinstance(record, dict):
            if first:
                raise InputError(
                    "not_json_lines",
                    f"{name!r} doesn't begin with a JSON object on a line of its own.",
                    "Write one object a line, without a list around them.",
                )
            yield BrokenRow("malformed", line[:200])
            continue
        if first:
            present = [*record, *(c for c in columns if find(record, c) is not _ABSENT)]
            check_columns(columns, present, name)
            first = False
            if not share.has(number):  # it was read for its columns alone
                yield SKIPPED
                continue
        yield {
            column: None if (value := find(record, column)) is _ABSENT else value
            for column in columns
        }


def find(record: Any, column: str) -> Any:
    """A field by its name, or else by its dotted path; a private object when it's absent."""
    if isinstance(record, dict):
        if column in record:
            return record[column]
        head, dot, rest = column.partition(".")
        if dot and head in record:
            return find(record[head], rest)
    return _ABSENT
