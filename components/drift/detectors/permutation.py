"""Permutation tests: exact without assumptions about the data, ties and all.

Without drift, window and reference are exchangeable: any split of their union is as likely as the
one observed. The p-value is (1 + b) / (1 + n) where b of n random splits have a statistic at least
as large (Phipson & Smyth 2010, https://arxiv.org/abs/1603.05766).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from components.drift.detectors.detector import Score


def splits(
    generator: np.random.Generator, count: int, reference: int, window: int
) -> npt.NDArray[np.bool_]:
    """Random splits of a union.

    Args:
        generator: Where chance comes from.
        count: How many.
        reference: Rows of the reference.
        window: Rows of the window.

    Returns:
        (count + 1, reference + window) bool, True for the window's rows; the first split is the
        observed one, reference first.
    """
    observed = np.arange(reference + window) >= reference
    shuffled = generator.permuted(np.tile(observed, (count, 1)), axis=1)
    return np.concatenate([observed[None], shuffled])


def scored(
    statistics: npt.NDArray[np.floating[Any]], alpha: float, rows: int, slack: float = 0.0
) -> Score:
    """The score of a permutation test.

    Args:
        statistics: (count + 1,), the observed split's first.
        alpha: Significance level.
        rows: Rows in the window.
        slack: What equal statistics may differ by, where the order of sums decides their last bits.

    Returns:
        Its value, p-value, and the largest value that is not significant.
    """
    observed, shuffled = float(statistics[0]), np.sort(statistics[1:])[::-1]
    p_value = (1 + int((shuffled >= observed - slack).sum())) / (1 + len(shuffled))
    # Significant when at most this many shuffles are as large: p <= alpha.
    allowed = int(alpha * (1 + len(shuffled)) + 1e-9) - 1
    return Score(observed, p_value, float(shuffled[allowed]) + slack, rows)
