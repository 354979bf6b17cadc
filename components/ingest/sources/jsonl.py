"""JSON: one object a line (https://jsonlines.org), or an array of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from components.contract.errors import InputError
from components.ingest.sources.annotations import UNANSWERED, Unfold, layout
from components.ingest.sources.json_array import elements
from components.ingest.sources.lines import Lines, LineTooLong
from components.ingest.sources.share import WHOLE, Share
from components.ingest.sources.source import SKIPPED, BrokenRow, Row, check_columns

_ABSENT = object()


def read_json(
    stream: IO[bytes], name: str, columns: tuple[str, ...], share: Share = WHOLE
) -> Iterator[Row]:
    """Rows of a JSON file; an annotation tool's export is unfolded (see `annotations`).

    Args:
        stream: The file, open for reading bytes.
        name: Its name, for messages.
        columns: The fields that are wanted; `review.text` reaches into a nested object, and
            `reviews.0.text` into a list.
        share: Which rows; lines of the others are found but not parsed.

    Yields:
        A mapping of the wanted fields, None where a later row lacks one; a `BrokenRow` where a
        line or an element isn't a JSON object.

    Raises:
        InputError: `not_text`, `not_json_lines` when the first line or element isn't an object,
            `unknown_column` when the first object lacks a field, or as `elements`.
    """
    with Lines(stream, name) as lines:
        fields = _Fields(name, columns)
        if lines.opening == "[":
            for number, element in enumerate(elements(lines, name)):
                if not fields.first and not share.has(number):
                    yield SKIPPED
                    continue
                row = fields.row(element, "")
                yield row if share.has(number) else SKIPPED
        else:
            yield from _records(lines, fields, share)


def _records(lines: Lines, fields: _Fields, share: Share) -> Iterator[Row]:
    number = -1
    while True:
        try:
            line = next(lines)
            if line.strip():
                number += 1
                if not fields.first and not share.has(number):
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
        row = fields.row(record, line)
        # the first one was read for its columns, whosever it is
        yield row if share.has(number) else SKIPPED


class _Fields:
    """Picks the wanted fields out of objects.

    Args:
        name: The file's name, for messages.
        columns: The fields.

    Attributes:
        first: Whether no object was seen yet; the first one must have every field.
    """

    def __init__(self, name: str, columns: tuple[str, ...]) -> None:
        self._name, self._columns = name, columns
        self._unfold: Unfold | None = None
        self._checked = False
        self.first = True

    def row(self, record: Any, line: str) -> Row:
        """A record's row; raises as `read_json`."""
        if not isinstance(record, dict):
            if self.first:
                raise InputError(
                    "not_json_lines",
                    f"{self._name!r} doesn't begin with a JSON object on a line of its own, nor "
                    "with a list of objects.",
                    "Write one object a line.",
                )
            return BrokenRow("malformed", (line or json.dumps(record))[:200])
        if self.first:
            self._unfold = self._layout(record)
        self.first = False
        answered = record if self._unfold is None else self._unfold(record)
        if not self._checked and (self._unfold is None or self._has_answers(record, answered)):
            reached = (c for c in self._columns if find(answered, c) is not _ABSENT)
            check_columns(self._columns, {**answered, **dict.fromkeys(reached)}, self._name)
            self._checked = True
        # In an export, a question that nobody has answered for a record isn't in the record.
        missing: list[Any] | None = None if self._unfold is None else []
        return {
            column: missing if (value := find(answered, column)) is _ABSENT else value
            for column in self._columns
        }

    def _has_answers(self, record: dict[str, Any], answered: dict[str, Any]) -> bool:
        assert self._unfold is not None
        bare = {key: UNANSWERED.get(key, value) for key, value in record.items()}
        return answered.keys() > self._unfold(bare).keys()

    def _layout(self, record: dict[str, Any]) -> Unfold | None:
        """An export's, unless the columns are named as they stand in the record."""
        if all(find(record, column) is not _ABSENT for column in self._columns):
            return None
        return layout(record)


def find(record: Any, column: str) -> Any:
    """A field by its name, or else by its dotted path; a private object when it's absent."""
    head, dot, rest = column.partition(".")
    if isinstance(record, dict):
        if column in record:
            return record[column]
        if dot and head in record:
            return find(record[head], rest)
    elif isinstance(record, list) and head.isdecimal() and int(head) < len(record):
        return find(record[int(head)], rest) if dot else record[int(head)]
    return _ABSENT
