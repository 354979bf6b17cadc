"""Answered texts in the order in which they came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Stream:
    """n answered texts.

    Attributes:
        features: (n, d) float32.
        probabilities: (n, k) float32.
        lengths: (n,) int64, tokens in each text.
        marks: (n, len(MARKS)) float32; None where texts were not kept.
    """

    features: npt.NDArray[np.float32]
    probabilities: npt.NDArray[np.float32]
    lengths: npt.NDArray[np.int64]
    marks: npt.NDArray[np.float32] | None

    def __len__(self) -> int:
        """Texts."""
        return len(self.lengths)

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """(n,) int64, the columns that the model chose."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    def take(self, rows: npt.NDArray[np.integer[Any]] | npt.NDArray[np.bool_] | slice) -> Stream:
        """The texts at these rows."""
        marks = None if self.marks is None else self.marks[rows]
        return Stream(self.features[rows], self.probabilities[rows], self.lengths[rows], marks)

    def joined(self, later: Stream, most: int) -> Stream:
        """This stream and a later one, the newest rows of both; marks are left out."""
        return Stream(
            np.concatenate([self.features, later.features])[-most:],
            np.concatenate([self.probabilities, later.probabilities])[-most:],
            np.concatenate([self.lengths, later.lengths])[-most:],
            None,
        )
