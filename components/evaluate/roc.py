"""ROC curves, one label against the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.encoding import Integers

CURVE_LABELS = 20
"""More one-vs-rest curves than this can't be told apart, and keeping their scores costs memory."""
CURVE_POINTS = 200
MICRO_AVERAGE = "micro-average"


@dataclass(frozen=True)
class Curve:
    """One ROC curve, thinned to at most `CURVE_POINTS` points; finite throughout.

    Attributes:
        name: The positive label, or `micro-average`.
        fpr: (p,) float64 false positive rates, ascending from 0 to 1.
        tpr: (p,) float64 true positive rates, ascending from 0 to 1.
        thresholds: (p,) float64 scores at or above which a row counts as positive.
        area: Area under the unthinned curve; ties count half.
    """

    name: str
    fpr: npt.NDArray[np.float64]
    tpr: npt.NDArray[np.float64]
    thresholds: npt.NDArray[np.float64]
    area: float


def curves(
    labels: Sequence[str], truth: Integers, probabilities: npt.NDArray[np.floating[Any]]
) -> list[Curve]:
    """The curves of an evaluation.

    Args:
        labels: k label names.
        truth: (n,) label indices.
        probabilities: (n, k).

    Returns:
        For two labels the second's curve; for more the micro-average (all n·k one-vs-rest
        decisions pooled) followed by each label's. Labels that all or none of the rows have are
        left out: their curve is undefined.
    """
    if len(labels) == 2:
        found = [curve(labels[1], truth == 1, probabilities[:, 1])]
    else:
        positive = truth[:, None] == np.arange(len(labels))
        found = [curve(MICRO_AVERAGE, positive.ravel(), probabilities.ravel())]
        found += [curve(n, positive[:, i], probabilities[:, i]) for i, n in enumerate(labels)]
    return [c for c in found if c is not None]


def curve(
    name: str, positive: npt.NDArray[np.bool_], scores: npt.NDArray[np.floating[Any]]
) -> Curve | None:
    """One curve by sweeping the threshold over the distinct scores (Fawcett 2006, algorithm 1).

    https://doi.org/10.1016/j.patrec.2005.10.010

    Args:
        name: Its name.
        positive: (n,) whether the row has the label.
        scores: (n,) finite scores of the label.

    Returns:
        The curve; None when all or none of the rows are positive.
    """
    total = int(positive.sum())
    if total in (0, len(positive)):
        return None
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order].astype(np.float64)
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # of each distinct score
    hits = np.cumsum(positive[order])[last]
    tpr = np.concatenate([[0.0], hits / total])
    fpr = np.concatenate([[0.0], (last + 1 - hits) / (len(positive) - total)])
    # Above every score nothing is positive; plotters choke on infinity, so the first threshold
    # is the largest probability there is.
    thresholds = np.concatenate([[max(1.0, ranked[0])], ranked[last]])
    keep = _thinned(fpr, tpr)
    area = float((np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2).sum())
    return Curve(name, fpr[keep], tpr[keep], thresholds[keep], area)


def _thinned(fpr: npt.NDArray[np.float64], tpr: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Points at even steps along the curve (fpr + tpr grows from 0 to 2), both ends included."""
    steps = np.searchsorted(fpr + tpr, np.linspace(0, 2, CURVE_POINTS - 1))
    inner = steps[steps < len(fpr) - 1]
    points: npt.NDArray[np.intp] = np.unique(np.concatenate([[0], inner, [len(fpr) - 1]]))
    return points
