"""The contract of a source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from components.contract.errors import InputError
from components.contract.settings import neighbours

Row = Mapping[str, Any]


@runtime_checkable
class Source(Protocol):
    """Labelled rows whose content has an identity."""

    def fingerprint(self) -> str:
        """A string that stays while the content stays and changes when it does."""
        ...

    def rows(self) -> Iterator[Row]:
        """Rows with the columns of the settings, read as they are asked for; `InputError`s."""
        ...


class BrokenRow(dict[str, Any]):
    """A row that can't be read: it has no columns, but a reason to be counted under.

    Args:
        reason: `malformed`, `over_long` or `undecodable`.
        excerpt: The beginning of what was found.
    """

    def __init__(self, reason: str, excerpt: str) -> None:
        super().__init__()
        self.reason = reason
        self.excerpt = excerpt


class SkippedRows(dict[str, Any]):
    """Rows that another reader of the file takes: they have no columns, only a number.

    Args:
        count: How many there are in a row.
    """

    def __init__(self, count: int = 1) -> None:
        super().__init__()
        self.count = count


SKIPPED = SkippedRows()


def check_columns(wanted: Iterable[str], present: Iterable[str], name: str) -> None:
    """Refuse a file that lacks a column.

    Args:
        wanted: Column names from the settings.
        present: Column names of the file.
        name: The file's.

    Raises:
        InputError: `unknown_column`, with the names it may have been meant to be, or
            `repeated_column`.
    """
    present = list(present)
    for column in wanted:
        if present.count(column) > 1:
            raise InputError(
                "repeated_column",
                f"{name!r} has {present.count(column)} columns {column!r}.",
                "Rename all but the one that is meant.",
            )
        if column not in present:
            raise InputError(
                "unknown_column",
                f"{name!r} has no column {column!r}.",
                neighbours(column, present),
            )
