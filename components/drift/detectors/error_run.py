"""A sequential test on errors: does the model err more often than on its validation rows?

The Shiryaev-Roberts e-detector of Shin, Ramdas & Rinaldo 2022, "E-detectors: a nonparametric
framework for sequential change detection", https://arxiv.org/abs/2203.03532: bets against "no more
errors than before" are multiplied up from every possible moment of change, and their sum exceeds c
in the long run no sooner than every c observations on average while nothing has changed. It may
be looked at after every piece of feedback without a correction.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from components.drift.detectors.detector import Kind, Score
from components.drift.reference import Reference
from components.drift.settings import DetectorSettings
from components.drift.window import Window

CONFIDENCE = 0.95
"""Of the bound on the reference's error rate: a lucky validation split is no reason for alarm."""
RISES = (0.05, 0.1, 0.2, 0.4)
"""Rises of the error rate that are bet on at once."""
HIGHEST = 0.99
"""Error rate that is bet on at most: on 1 the stake would be all, and one right answer its end."""
MEMORY = 1e6
"""Largest evidence that is kept, in thresholds: so that it fades once the errors are over."""


class ErrorRun:
    """The e-detector over feedback.

    Args:
        reference: Whose error rate is held to be normal.
        settings: `feedback_run`, the average run between two false alarms.
    """

    name: ClassVar[str] = "errors_run"
    kind: ClassVar[Kind] = "concept"
    sequential: ClassVar[bool] = True

    def __init__(self, reference: Reference, settings: DetectorSettings) -> None:
        errors = reference.errors
        rate = min(HIGHEST, upper_bound(int(errors.sum()), len(errors), CONFIDENCE))
        raised = np.minimum(rate + np.array(RISES), HIGHEST)
        # What a bet on rate p1 against p0 stakes to grow fastest (Kelly 1956).
        stakes = (raised - rate) / (rate * (1 - rate))
        gains = np.array([1 - stakes * rate, 1 + stakes * (1 - rate)])
        self._gains = gains * (raised > rate)  # a model that was always wrong can't get worse
        self._evidence = np.zeros(len(RISES))
        self._threshold = float(settings.feedback_run)
        self._seen = 0

    def score(self, window: Window) -> Score | None:
        for correct in window.outcomes.tolist():
            grown = (self._evidence + 1) * self._gains[0 if correct else 1]
            self._evidence = np.minimum(grown, MEMORY * self._threshold)
        self._seen += len(window.outcomes)
        if self._seen == 0:
            return None
        mixture = float(self._evidence.mean())
        return Score(math.log(max(mixture, 1e-9)), None, math.log(self._threshold), self._seen)


def upper_bound(errors: int, rows: int, confidence: float) -> float:
    """Clopper and Pearson's upper bound on a rate (https://doi.org/10.1093/biomet/26.4.404).

    Args:
        errors: Errors seen.
        rows: Among so many rows, at least 1.
        confidence: How surely the rate is below the bound.

    Returns:
        The rate at which so few errors would be seen with probability 1 - confidence.
    """
    if errors >= rows:
        return 1.0
    k = np.arange(errors + 1)
    choose = np.array(
        [math.lgamma(rows + 1) - math.lgamma(i + 1) - math.lgamma(rows - i + 1) for i in k]
    )
    low, high = errors / rows, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        as_few = np.exp(choose + k * math.log(middle) + (rows - k) * math.log1p(-middle)).sum()
        low, high = (middle, high) if as_few > 1 - confidence else (low, middle)
    return high
