"""Kolmogorov-Smirnov: the largest gap between two samples' cumulative distributions.

Its null is taken by permutation, jointly over columns: the statistic is the largest gap of any
column, so no correction for their number is needed, and ties make it no less exact.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from components.drift.detectors.detector import Kind, Score
from components.drift.detectors.permutation import scored, splits
from components.drift.reference import Reference
from components.drift.settings import DetectorSettings
from components.drift.window import Window

COLUMNS = 32
"""Labels whose probabilities are compared, those that the reference gives most weight; more would
cost seconds and hide each other's gaps."""


class ProbabilityKs:
    """The gap of the labels' probabilities.

    Args:
        reference: The sample to compare with.
        settings: Level, shuffles, seed.
    """

    name: ClassVar[str] = "probabilities_ks"
    kind: ClassVar[Kind] = "prediction"
    sequential: ClassVar[bool] = False

    def __init__(self, reference: Reference, settings: DetectorSettings) -> None:
        self._settings = settings
        self._columns = telling_columns(reference.probabilities)
        self._probabilities = reference.probabilities[:, self._columns]

    def score(self, window: Window) -> Score | None:
        probabilities = window.probabilities[:, self._columns]
        return largest_gap(self._probabilities, probabilities, self._settings)


class LengthKs:
    """The gap of the texts' lengths in tokens.

    Args:
        reference: The sample to compare with.
        settings: Level, shuffles, seed.
    """

    name: ClassVar[str] = "lengths_ks"
    kind: ClassVar[Kind] = "input"
    sequential: ClassVar[bool] = False

    def __init__(self, reference: Reference, settings: DetectorSettings) -> None:
        self._lengths, self._settings = reference.lengths[:, None], settings

    def score(self, window: Window) -> Score | None:
        return largest_gap(self._lengths, window.lengths[:, None], self._settings)


def telling_columns(probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """The columns worth comparing: of two labels one says all, of many those of most weight."""
    k = probabilities.shape[1]
    if k == 2:
        return np.array([1])
    return np.sort(np.argsort(-probabilities.mean(axis=0), kind="stable")[:COLUMNS])


def largest_gap(
    reference: npt.NDArray[Any], window: npt.NDArray[Any], settings: DetectorSettings
) -> Score:
    """Permutation test of the largest gap of any column.

    Args:
        reference: (n, c).
        window: (m, c).
        settings: Level, shuffles, seed.

    Returns:
        The score; its value is the gap, between 0 and 1.
    """
    n, m = len(reference), len(window)
    generator = np.random.default_rng(settings.seed)
    chosen = splits(generator, settings.permutations, n, m)
    union = np.concatenate([reference, window])
    seen = np.arange(1, n + m + 1)
    largest = np.zeros(len(chosen), np.int64)
    for column in union.T:
        order = np.argsort(column, kind="stable")
        ordered = column[order]
        # Distributions are compared behind the last of equal values, never between two of them.
        last = np.append(ordered[1:] != ordered[:-1], True)
        below = chosen[:, order].cumsum(axis=1, dtype=np.int64)[:, last]
        # |below / m - (seen - below) / n| in units of 1 / nm: whole numbers tie exactly.
        np.maximum(largest, np.abs(below * (n + m) - seen[last] * m).max(axis=1), out=largest)
    return scored(largest / (n * m), settings.alpha, m)
