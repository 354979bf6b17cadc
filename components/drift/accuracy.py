"""How often is the model right, when nobody says so? An estimate from its confidence.

A calibrated confidence averages to the accuracy only on texts like those it was calibrated on
(Guo et al. 2017, https://arxiv.org/abs/1706.04599; Garg et al. 2022, "Leveraging unlabeled data to
predict out-of-distribution performance", https://arxiv.org/abs/2201.04234, on how it fails
elsewhere). What moves most in texts is their length, and a sum over words grows with it: so the
probability of being right is fitted to the reference's rows three times, from the margin alone,
from the margin with an exponent of length that is learned, and from the margin over the square root
of length. They agree on texts like the reference's and part on others, and the interval holds both
what each is unsure of and how far they part (Rubin 1987, "Multiple imputation", section 3.3, for
the sum of variances within and between).

It fails where texts look the same and their labels have changed (concept drift): only feedback
tells that. It is no guarantee on texts unlike any of the reference's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.drift.reference import Reference

CONFIDENCE_90 = 1.645
"""Standard deviations to either side that hold 90 % of a normal distribution."""
RIDGE = 1e-3
"""Shrinks coefficients, per row: a model that was always right has no finite ones."""
STEPS = 30
"""Newton's method converges in less than ten."""
LEAST_ROWS = 50
"""Fewer rows have an interval that says nothing."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AccuracyEstimate:
    """An accuracy between 0 and 1.

    Attributes:
        estimate: The estimate.
        lower: Where its 90 % interval begins,
        upper: and ends.
        rows: Texts that it is about.
    """

    estimate: float
    lower: float
    upper: float
    rows: int


@dataclass(frozen=True)
class _Fit:
    design: Callable[[Floats, Floats], Floats]
    weights: Floats
    covariance: Floats


class AccuracyEstimator:
    """Estimates from probabilities and lengths.

    Args:
        reference: Rows with labels.
    """

    def __init__(self, reference: Reference) -> None:
        self._typical = float(np.log1p(reference.lengths).mean())
        margins, lengths = self._inputs(reference.probabilities, reference.lengths)
        right = (~reference.errors).astype(np.float64)
        self._fits = [_fit(design, margins, lengths, right) for design in DESIGNS]

    def estimate(
        self, probabilities: npt.NDArray[np.float32], lengths: npt.NDArray[np.int64]
    ) -> AccuracyEstimate | None:
        """Estimate.

        Args:
            probabilities: (n, k) float32, calibrated.
            lengths: (n,) int64, tokens in each text.

        Returns:
            The estimate; None for fewer than `LEAST_ROWS` rows.
        """
        rows = len(lengths)
        if rows < LEAST_ROWS:
            return None
        margins, relative = self._inputs(probabilities, lengths)
        means, variances = np.empty(len(self._fits)), np.empty(len(self._fits))
        for i, fit in enumerate(self._fits):
            design = fit.design(margins, relative)
            chances = _sigmoid(design @ fit.weights)
            slope = (chances * (1 - chances)) @ design / rows  # the delta method
            means[i], variances[i] = chances.mean(), slope @ fit.covariance @ slope
        centre = float(means.mean())
        variance = variances.mean() + means.var(ddof=1) + centre * (1 - centre) / rows
        half = CONFIDENCE_90 * float(np.sqrt(variance))
        return AccuracyEstimate(centre, max(0.0, centre - half), min(1.0, centre + half), rows)

    def _inputs(self, probabilities: Any, lengths: Any) -> tuple[Floats, Floats]:
        best = np.clip(probabilities.max(axis=1).astype(np.float64), 1e-6, 1 - 1e-6)
        return np.log(best / (1 - best)), np.log1p(lengths) - self._typical


def _margin(margins: Floats, lengths: Floats) -> Floats:
    return np.column_stack([np.ones_like(margins), margins])


def _learned(margins: Floats, lengths: Floats) -> Floats:
    return np.column_stack([np.ones_like(margins), margins, margins * lengths])


def _root(margins: Floats, lengths: Floats) -> Floats:
    return np.column_stack([np.ones_like(margins), margins, margins * np.exp(-lengths / 2)])


DESIGNS = (_margin, _learned, _root)


def _fit(
    design: Callable[[Floats, Floats], Floats], margins: Floats, lengths: Floats, right: Floats
) -> _Fit:
    """A logistic regression by Newton's method."""
    columns = design(margins, lengths)
    weights = np.zeros(columns.shape[1])
    ridge = RIDGE * np.eye(columns.shape[1])
    for _ in range(STEPS):
        chances = _sigmoid(columns @ weights)
        hessian = columns.T @ (columns * (chances * (1 - chances))[:, None]) + ridge
        step = np.linalg.solve(hessian, columns.T @ (right - chances) - ridge @ weights)
        weights = weights + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-8:
            break
    return _Fit(design, weights, np.linalg.inv(hessian))


def _sigmoid(values: Floats) -> Floats:
    squashed: Floats = 1 / (1 + np.exp(-np.clip(values, -30, 30)))
    return squashed
