"""A sample of a stream whose length isn't known: every row, then every second, every fourth."""

from __future__ import annotations


class Thinned:
    """Tells which rows to look at.

    The stride doubles whenever as many rows were taken as the limit says, so that the work grows
    with the logarithm of the rows, and a file that is sorted is looked at from end to end. A row
    stands for as many as the stride has at that place: weighted so, shares are unbiased.

    Args:
        limit: Rows after which the stride doubles.

    Attributes:
        stride: What a row that is taken stands for.
        taken: Rows that were taken.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._since, self._met = limit, 0, 0
        self.stride, self.taken = 1, 0

    def take(self) -> bool:
        """Whether to look at the next row."""
        self._met += 1
        if self._since == self._limit:
            self.stride, self._since = self.stride * 2, 0
        if self._met % self.stride:
            return False
        self._since += 1
        self.taken += 1
        return True
