"""Accuracy, precision, recall and F1, all from the counts of (actual, predicted) pairs.

Only the pairs that occur are kept, so ten thousand labels cost no ten-thousand-squared matrix.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.encoding import Integers

Counts = npt.NDArray[np.int64]
Ratios = npt.NDArray[np.float64]

RESAMPLED_CELLS = 4_000_000
"""Cells of resampled counts in memory at once: 32 MB of int64."""
LIKELIHOOD_FLOOR = float(np.finfo(np.float32).eps)
"""A probability of exactly 0 would make the log loss infinite; scikit-learn clips here too."""


@dataclass(frozen=True)
class Confusion:
    """The c pairs of (actual, predicted) label that occur, in ascending order.

    Attributes:
        actual: (c,) int64 label indices.
        predicted: (c,) int64 label indices.
        count: (c,) int64 rows of each pair, all positive.
        labels: k, the number of labels.
    """

    actual: Counts
    predicted: Counts
    count: Counts
    labels: int

    @classmethod
    def of(cls, actual: Integers, predicted: Integers, labels: int) -> Confusion:
        """Count (n,) actual and (n,) predicted label indices below `labels`."""
        codes = actual.astype(np.int64) * labels + predicted
        cells, count = np.unique(codes, return_counts=True)
        return cls(cells // labels, cells % labels, count.astype(np.int64), labels)

    @property
    def rows(self) -> int:
        """n, the rows counted."""
        return int(self.count.sum())

    def dense(self) -> Counts:
        """(k, k) int64; rows are actual labels, columns predicted ones."""
        matrix = np.zeros((self.labels, self.labels), np.int64)
        matrix[self.actual, self.predicted] = self.count
        return matrix


@dataclass(frozen=True)
class ClassScores:
    """Each label's scores; a ratio without a denominator is 0.

    Attributes:
        precision: (k,) float64.
        recall: (k,) float64.
        f1: (k,) float64.
        support: (k,) int64 rows that have the label.
    """

    precision: Ratios
    recall: Ratios
    f1: Ratios
    support: Counts


def class_scores(confusion: Confusion) -> ClassScores:
    """Precision, recall and F1 of every label, also of those that no row has."""
    k, right = confusion.labels, confusion.actual == confusion.predicted
    hits = np.bincount(confusion.actual[right], confusion.count[right], k)
    actual = np.bincount(confusion.actual, confusion.count, k)
    predicted = np.bincount(confusion.predicted, confusion.count, k)
    return ClassScores(
        ratio(hits, predicted),
        ratio(hits, actual),
        ratio(2 * hits, actual + predicted),
        actual.astype(np.int64),
    )


def headline(confusion: Confusion) -> dict[str, float]:
    """Accuracy, macro-F1 (unweighted over all k labels) and micro-F1.

    With one label a row, micro-averaged F1 equals accuracy by definition (every error is one
    false positive and one false negative); both are given since both are asked for.
    """
    right = int(confusion.count[confusion.actual == confusion.predicted].sum())
    accuracy = right / confusion.rows if confusion.rows else 0.0
    macro = float(class_scores(confusion).f1.mean())
    return {"accuracy": accuracy, "macro_f1": macro, "micro_f1": accuracy}


def log_loss(likelihood: npt.NDArray[np.floating[Any]]) -> float:
    """Mean negative log of the (n,) probabilities given to the true labels, in nats."""
    if not len(likelihood):
        return 0.0
    clipped = np.clip(likelihood.astype(np.float64), LIKELIHOOD_FLOOR, 1.0)
    return float(-np.log(clipped).mean())


def intervals(confusion: Confusion, resamples: int, seed: int) -> dict[str, list[float]]:
    """95 % percentile bootstrap intervals of accuracy and macro-F1 (Efron 1979).

    Drawing n rows with replacement and counting their (actual, predicted) pairs is one
    multinomial draw of those counts, so no row is touched (Efron 1979,
    https://doi.org/10.1214/aos/1176344552).

    Args:
        confusion: The counts.
        resamples: Bootstrap resamples.
        seed: Seeds them.

    Returns:
        Name -> [low, high]; [0, 0] for no rows.
    """
    if not confusion.rows:
        return {"accuracy": [0.0, 0.0], "macro_f1": [0.0, 0.0]}
    accuracy, macro_f1 = [], []
    for drawn in _resampled(confusion, resamples, seed):
        right = confusion.actual == confusion.predicted
        accuracy.append(drawn[:, right].sum(axis=1) / confusion.rows)
        macro_f1.append(_macro_f1(drawn, confusion))
    return {
        "accuracy": _percentiles(np.concatenate(accuracy)),
        "macro_f1": _percentiles(np.concatenate(macro_f1)),
    }


def ratio(numerator: npt.NDArray[Any], denominator: npt.NDArray[Any]) -> Ratios:
    """Elementwise quotient; 0 where the denominator is 0."""
    quotient: Ratios = np.divide(
        numerator, denominator, out=np.zeros(np.shape(numerator)), where=denominator > 0
    )
    return quotient


def _resampled(confusion: Confusion, resamples: int, seed: int) -> Iterator[Counts]:
    generator = np.random.default_rng(seed)
    step = max(1, RESAMPLED_CELLS // len(confusion.count))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        yield generator.multinomial(confusion.rows, confusion.count / confusion.rows, size)


def _macro_f1(drawn: Counts, confusion: Confusion) -> Ratios:
    """(b,) macro-F1 of (b, c) resampled counts; only labels ever hit can contribute."""
    right = confusion.actual == confusion.predicted
    hit = confusion.actual[right]
    totals = np.zeros((len(drawn), len(hit)), np.int64)
    for side in (confusion.actual, confusion.predicted):
        order = np.argsort(side, kind="stable")
        present, starts = np.unique(side[order], return_index=True)
        sums = np.add.reduceat(drawn[:, order], starts, axis=1)
        totals += sums[:, np.searchsorted(present, hit)]
    mean: Ratios = ratio(2 * drawn[:, right], totals).sum(axis=1) / confusion.labels
    return mean


def _percentiles(values: Ratios) -> list[float]:
    return [float(v) for v in np.percentile(values, [2.5, 97.5])]
