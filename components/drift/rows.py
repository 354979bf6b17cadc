"""Texts to be checked for drift, read from a file one at a time.

A journal's export (JSON Lines with `text`, `label`, `time`), a CSV file with a header, or plain
text, one a line: by the file's ending.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from components.contract.errors import InputError

LINE_CHARACTERS = 4 * 2**20
"""A longer line is no text: reading stops there rather than filling the memory."""
TIME_COLUMN = "time"


@dataclass(frozen=True)
class Row:
    """One text.

    Attributes:
        text: The text.
        label: Its true label; None where nobody said so.
        time: Seconds since 1970, UTC; None where that isn't known.
    """

    text: str
    label: str | None
    time: float | None


@dataclass
class Rows:
    """The rows of a file.

    Attributes:
        path: The file.
        text_column: The text's column, of JSON Lines and CSV.
        label_column: The label's column.
        form: `jsonl`, `csv` or `text`; empty goes by the file's ending.
        skipped: Rows so far that hold no text.
    """

    path: Path
    text_column: str = "text"
    label_column: str = "label"
    form: str = ""
    skipped: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[Row]:
        """Read the rows in order.

        Yields:
            A row for each text.

        Raises:
            InputError: `not_found`; `over_long`; `no_rows` when there is no text at all.
        """
        if not self.path.is_file():
            raise InputError("not_found", f"There is no file {str(self.path)!r}.")
        read = READERS.get(self.form or self.path.suffix.lower().removeprefix("."), _lines)
        found = 0
        with self.path.open(encoding="utf-8", errors="replace", newline="") as stream:
            for record in read(self._bounded(stream)):
                row = self._row(record)
                if row is None:
                    self.skipped += 1
                else:
                    found += 1
                    yield row
        if not found:
            raise InputError(
                "no_rows",
                f"{str(self.path)!r} holds no text in a column {self.text_column!r}.",
                "Name the column with --text-column.",
            )

    def _bounded(self, stream: IO[str]) -> Iterator[str]:
        while line := stream.readline(LINE_CHARACTERS):
            if len(line) >= LINE_CHARACTERS:
                raise InputError(
                    "over_long",
                    f"A line of {str(self.path)!r} is longer than {LINE_CHARACTERS:,} characters.",
                )
            yield line

    def _row(self, record: Any) -> Row | None:
        text = record.get(self.text_column) if isinstance(record, dict) else None
        if not isinstance(text, str) or not text.strip():
            return None
        label = record.get(self.label_column)
        return Row(text, None if label in (None, "") else str(label), _time(record))


def _json_lines(lines: Iterator[str]) -> Iterator[Any]:
    for line in lines:
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                yield None


def _delimited(lines: Iterator[str]) -> Iterator[Any]:
    reader = csv.DictReader(lines)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield None


def _lines(lines: Iterator[str]) -> Iterator[Any]:
    for line in lines:
        if line.strip():
            yield {"text": line.rstrip("\r\n")}


READERS: dict[str, Callable[[Iterator[str]], Iterator[Any]]] = {
    "jsonl": _json_lines,
    "json": _json_lines,
    "csv": _delimited,
}


def _time(record: dict[str, Any]) -> float | None:
    try:
        return datetime.fromisoformat(str(record.get(TIME_COLUMN))).timestamp()
    except (ValueError, OverflowError):
        return None
