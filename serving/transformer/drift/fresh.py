"""Rows that the worker has not been told of, in the order in which they came."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.text_marks import excerpt
from components.drift.window import Rows

ROWS = 1_000
"""Rows that are kept for the sequential test; of more it sees these, which makes it no less honest:
which rows are left out depends on when they came, not on what they are."""
OUTCOMES = 10_000
"""Feedback that is kept for it: rare, and each piece cost somebody a minute."""


class Fresh:
    """Copies of rows, their texts, and feedback.

    Args:
        features: Numbers in a row's features.
        labels: Numbers in a row's probabilities.
    """

    def __init__(self, features: int, labels: int) -> None:
        self._rows = Rows(ROWS, features, labels)
        self._texts: list[str] = []
        self._times: list[float] = []
        self._outcomes: list[bool] = []
        self._outcome_times: list[float] = []

    def add(self, rows: Rows, texts: list[str], now: float) -> int:
        """Keep rows as far as there is room.

        Args:
            rows: The rows.
            texts: Their texts.
            now: Seconds since 1970, UTC.

        Returns:
            How many there was no room for.
        """
        taken = min(rows.filled, ROWS - self._rows.filled)
        part = slice(0, taken)
        self._rows.put(
            self._rows.filled, rows.features[part], rows.probabilities[part], rows.lengths[part]
        )
        self._rows.filled += taken
        self._texts += texts[:taken]
        self._times += [now] * taken
        return rows.filled - taken

    def add_outcomes(self, outcomes: list[bool], now: float) -> None:
        """Keep feedback, the newest of it."""
        self._outcomes = (self._outcomes + outcomes)[-OUTCOMES:]
        self._outcome_times = (self._outcome_times + [now] * len(outcomes))[-OUTCOMES:]

    def take(self) -> dict[str, npt.NDArray[Any]]:
        """Everything that is kept, as arrays for a frame, and forget it.

        Texts go as excerpts, UTF-8 one after the other, with the bytes of each and the characters
        of the whole; lone surrogates are kept as Python's `surrogatepass` writes them.
        """
        part = slice(0, self._rows.filled)
        parts = [excerpt(text).encode("utf-8", "surrogatepass") for text in self._texts]
        arrays: dict[str, npt.NDArray[Any]] = {
            "fresh_features": self._rows.features[part].copy(),
            "fresh_probabilities": self._rows.probabilities[part].copy(),
            "fresh_lengths": self._rows.lengths[part].copy(),
            "fresh_texts": np.frombuffer(b"".join(parts), np.uint8),
            "fresh_bytes": np.array([len(p) for p in parts], np.int64),
            "fresh_characters": np.array([len(text) for text in self._texts], np.int64),
            "fresh_times": np.array(self._times, np.float64),
            "fresh_outcomes": np.array(self._outcomes, np.bool_),
            "fresh_outcome_times": np.array(self._outcome_times, np.float64),
        }
        self._rows.filled = 0
        self._texts, self._times, self._outcomes, self._outcome_times = [], [], [], []
        return arrays
