"""Tests that compare two classifiers on the same rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.encoding import Integers

Booleans = npt.NDArray[np.bool_]

RESAMPLED_CELLS = 4_000_000
"""Cells of resampled counts in memory at once: 32 MB of int64."""


def binomial_tail(successes: int, trials: int) -> float:
    """P(X >= successes) for X ~ Binomial(trials, 1/2), exact up to float64 rounding."""
    if successes <= 0:
        return 1.0
    if successes > trials:
        return 0.0
    logs = np.log(np.arange(1, trials + 1))
    factorials = np.concatenate([[0.0], np.cumsum(logs)])
    counts = np.arange(successes, trials + 1)
    terms = factorials[trials] - factorials[counts] - factorials[trials - counts]
    terms -= trials * math.log(2)
    top = float(terms.max())
    return min(1.0, math.exp(top) * float(np.exp(terms - top).sum()))


def mcnemar(challenger_only: int, champion_only: int) -> float:
    """Two-sided exact McNemar test: are two classifiers right equally often?

    Rows that both or neither get right say nothing; under the null hypothesis the others fall
    either way with probability 1/2 (McNemar 1947, https://doi.org/10.1007/BF02295996; Dietterich
    1998, https://doi.org/10.1162/089976698300017197, recommends it for one test set).

    Args:
        challenger_only: Rows that only the challenger gets right.
        champion_only: Rows that only the champion gets right.

    Returns:
        The p-value; 1.0 when there is no such row.
    """
    larger = max(challenger_only, champion_only)
    return min(1.0, 2 * binomial_tail(larger, challenger_only + champion_only))


def loss_upper_bound(challenger_only: int, champion_only: int, rows: int, alpha: float) -> float:
    """One-sided upper confidence bound of champion-minus-challenger accuracy.

    The Wald interval of a difference of paired proportions (Fleiss, Levin and Paik 2003,
    "Statistical Methods for Rates and Proportions", section 13.1).

    Args:
        challenger_only: Rows that only the challenger gets right.
        champion_only: Rows that only the champion gets right.
        rows: n, all rows, above 0.
        alpha: 0.05 gives the 95 % bound.

    Returns:
        The bound, in shares of rows.
    """
    loss = champion_only - challenger_only
    variance = (challenger_only + champion_only) - loss**2 / rows
    z = NormalDist().inv_cdf(1 - alpha)
    return (loss + z * math.sqrt(max(variance, 0.0))) / rows


def macro_f1(truth: Integers, predicted: Integers, labels: int) -> float:
    """Unweighted mean of k labels' F1; a label that no row has or gets counts 0."""
    hits = np.bincount(truth[truth == predicted], minlength=labels)
    totals = np.bincount(truth, minlength=labels) + np.bincount(predicted, minlength=labels)
    return float((2 * hits / np.maximum(totals, 1)).mean())


def macro_f1_test(
    truth: Integers,
    challenger: Integers,
    champion: Integers,
    labels: int,
    resamples: int = 2_000,
    seed: int = 13,
) -> float:
    """Two-sided paired bootstrap test of the difference in macro-F1.

    Rows are drawn with replacement, which is one multinomial draw of the counts of (truth,
    challenger, champion) triples; the p-value is twice the share of draws on the smaller side of
    zero, the draw at hand counted (Efron and Tibshirani 1993, "An Introduction to the Bootstrap",
    chapter 15; Koehn 2004, https://aclanthology.org/W04-3250, for the paired form).

    Args:
        truth: (n,) label indices.
        challenger: (n,) predicted label indices.
        champion: (n,) predicted label indices.
        labels: k, the number of labels.
        resamples: Bootstrap draws.
        seed: Seeds them.

    Returns:
        The p-value.
    """
    gains = np.concatenate(
        [np.zeros(0), *_macro_f1_gains(truth, challenger, champion, labels, resamples, seed)]
    )
    below, above = 1 + np.count_nonzero(gains <= 0), 1 + np.count_nonzero(gains >= 0)
    return min(1.0, 2 * int(min(below, above)) / (resamples + 1))


def macro_f1_loss_bound(
    truth: Integers,
    challenger: Integers,
    champion: Integers,
    labels: int,
    alpha: float,
    resamples: int = 2_000,
    seed: int = 13,
) -> float:
    """One-sided upper confidence bound of champion-minus-challenger macro-F1.

    The percentile bootstrap's (Efron and Tibshirani 1993, chapter 13), by the draws of
    `macro_f1_test`.

    Args:
        truth: (n,) label indices, n above 0.
        challenger: (n,) predicted label indices.
        champion: (n,) predicted label indices.
        labels: k, the number of labels.
        alpha: 0.05 gives the 95 % bound.
        resamples: Bootstrap draws.
        seed: Seeds them.

    Returns:
        The bound.
    """
    gains = np.concatenate(
        list(_macro_f1_gains(truth, challenger, champion, labels, resamples, seed))
    )
    return float(np.quantile(-gains, 1 - alpha))


def _macro_f1_gains(
    truth: Integers,
    challenger: Integers,
    champion: Integers,
    labels: int,
    resamples: int,
    seed: int,
) -> Iterator[npt.NDArray[Any]]:
    """Challenger-minus-champion macro-F1 of resampled rows, some (b,) draws at a time."""
    codes = (truth.astype(np.int64) * labels + challenger) * labels + champion
    cells, counts = np.unique(codes, return_counts=True)
    actual, first, second = cells // labels**2, cells // labels % labels, cells % labels
    generator = np.random.default_rng(seed)
    step = max(1, RESAMPLED_CELLS // len(cells))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = generator.multinomial(len(truth), counts / len(truth), size)
        yield (_f1_sums(drawn, actual, first) - _f1_sums(drawn, actual, second)) / labels


def _f1_sums(
    drawn: npt.NDArray[np.int64], actual: Integers, predicted: Integers
) -> npt.NDArray[Any]:
    """(b,) sums of the labels' F1 for (b, c) counts of c cells."""
    right = np.flatnonzero(actual == predicted)
    hit = np.unique(actual[right])  # other labels' F1 is 0
    hits = _sums(drawn[:, right], actual[right], hit)
    totals = _sums(drawn, actual, hit) + _sums(drawn, predicted, hit)
    sums: npt.NDArray[Any] = (2 * hits / np.maximum(totals, 1)).sum(axis=1)
    return sums


def _sums(
    drawn: npt.NDArray[np.int64], groups: Integers, wanted: Integers
) -> npt.NDArray[np.int64]:
    """(b, w) sums of the columns of each wanted group; every wanted group occurs."""
    if not len(wanted):
        return np.zeros((len(drawn), 0), np.int64)
    order = np.argsort(groups, kind="stable")
    present, starts = np.unique(groups[order], return_index=True)
    sums: npt.NDArray[np.int64] = np.add.reduceat(drawn[:, order], starts, axis=1)
    return sums[:, np.searchsorted(present, wanted)]
