"""Which of a file's rows one of its several readers takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """What one of a file's readers takes; all of them together take every row once.

    Attributes:
        number: Which reader, from 0.
        of: How many readers the file has.
    """

    number: int = 0
    of: int = 1

    def has(self, row: int) -> bool:
        """Whether a row, from 0, of a file without an index is this reader's: every `of`-th is.

        Where a record begins is only known once those before it were found, so every reader has to
        walk over the whole file; a stride gives each the same work.
        """
        return row % self.of == self.number

    def span(self, rows: int) -> tuple[int, int]:
        """The first row and the end of this reader's range in a file whose index tells its rows."""
        return rows * self.number // self.of, rows * (self.number + 1) // self.of


WHOLE = Share()
