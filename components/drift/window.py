"""The newest rows, in a ring: what detectors compare with the reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Window:
    """Rows to test, in no particular order, and what feedback said since the last test.

    Attributes:
        features: (w, d) float32.
        probabilities: (w, k) float32.
        lengths: (w,) int64, tokens in each text.
        outcomes: (m,) bool, in order: whether the predictions that feedback came for were right.
    """

    features: npt.NDArray[np.float32]
    probabilities: npt.NDArray[np.float32]
    lengths: npt.NDArray[np.int64]
    outcomes: npt.NDArray[np.bool_]

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """(w,) int64, the columns that the model chose."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays by name."""
        return {
            "features": self.features,
            "probabilities": self.probabilities,
            "lengths": self.lengths,
            "outcomes": self.outcomes,
        }

    def finite(self) -> Window:
        """Without rows that hold a number which is none: one would make every statistic none."""
        sound = np.isfinite(self.features).all(axis=1) & np.isfinite(self.probabilities).all(axis=1)
        if sound.all():
            return self
        return Window(
            self.features[sound], self.probabilities[sound], self.lengths[sound], self.outcomes
        )


class Rows:
    """Room for some rows.

    Args:
        capacity: How many.
        features: Numbers in a row's features.
        labels: Numbers in a row's probabilities.
    """

    def __init__(self, capacity: int, features: int, labels: int) -> None:
        self.features = np.empty((capacity, features), np.float32)
        self.probabilities = np.empty((capacity, labels), np.float32)
        self.lengths = np.empty(capacity, np.int64)
        self.filled = 0

    def put(
        self,
        start: int,
        features: npt.NDArray[np.float32],
        probabilities: npt.NDArray[np.float32],
        lengths: npt.NDArray[np.int64],
    ) -> None:
        """Copy rows to a place that has room for them."""
        end = start + len(lengths)
        self.features[start:end] = features
        self.probabilities[start:end] = probabilities
        self.lengths[start:end] = lengths


class SlidingWindow:
    """The newest rows; a new one takes the oldest one's place.

    Args:
        capacity: How many.
        features: Numbers in a row's features.
        labels: Numbers in a row's probabilities.
    """

    def __init__(self, capacity: int, features: int, labels: int) -> None:
        self._rows, self._capacity = Rows(capacity, features, labels), capacity
        self._next = 0

    def __len__(self) -> int:
        """Rows that it holds."""
        return self._rows.filled

    def add(self, block: Rows) -> None:
        """Take a block's rows, at most the newest `capacity` of them."""
        start = max(0, block.filled - self._capacity)
        while start < block.filled:
            end = min(block.filled, start + self._capacity - self._next)
            part = slice(start, end)
            self._rows.put(
                self._next, block.features[part], block.probabilities[part], block.lengths[part]
            )
            self._rows.filled = max(self._rows.filled, self._next + end - start)
            self._next = (self._next + end - start) % self._capacity
            start = end

    def view(self, outcomes: npt.NDArray[np.bool_]) -> Window:
        """Its rows without a copy: good until the next `add`."""
        filled = self._rows.filled
        return Window(
            self._rows.features[:filled],
            self._rows.probabilities[:filled],
            self._rows.lengths[:filled],
            outcomes,
        )
