"""Whether the labels are spread over the splits as chance would spread them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.split import SplitRule

LEAST_P = 1e-6
"""A fair draw falls below it once in a million datasets; a broken rule does at once."""


def stratification(rows: Mapping[str, Mapping[str, int]], rule: SplitRule) -> dict[str, Any]:
    """How the labels are spread.

    Args:
        rows: Split -> label -> rows.
        rule: The rule that divided them.

    Returns:
        `p_value` of Pearson's chi-square test that split and label are independent, and `sound`:
        it isn't below `LEAST_P`, and no split that should have rows lacks a label.
    """
    shares = {"train": rule.train, "validation": rule.validation, "test": rule.test}
    p_value = independence(np.array([list(rows[split].values()) for split in rows], np.float64))
    complete = all(min(rows[split].values()) > 0 for split, share in shares.items() if share > 0)
    return {"p_value": float(f"{p_value:.6g}"), "sound": complete and p_value >= LEAST_P}


def independence(table: npt.NDArray[np.float64]) -> float:
    """Pearson's chi-square test of independence.

    Args:
        table: (r, k) counts; empty rows and columns don't count.

    Returns:
        The p-value; 1.0 when nothing could depend on anything.
    """
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    degrees = (table.shape[0] - 1) * (table.shape[1] - 1)
    if degrees <= 0:
        return 1.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return chi_square_tail(float(((table - expected) ** 2 / expected).sum()), degrees)


def chi_square_tail(statistic: float, degrees: int) -> float:
    """The probability that a chi-square variable exceeds a value.

    The upper regularised gamma function Q(degrees / 2, statistic / 2) is a finite sum for half
    integers: Q(a + 1, x) = Q(a, x) + x^a e^-x / gamma(a + 1)
    (https://dlmf.nist.gov/8.8#E6), from Q(1/2, x) = erfc(sqrt x) or Q(1, x) = e^-x.

    Args:
        statistic: The value, at least 0.
        degrees: Degrees of freedom, at least 1.

    Returns:
        A probability.
    """
    x = statistic / 2
    if x <= 0:
        return 1.0
    order = 0.5 if degrees % 2 else 1.0
    total = math.erfc(math.sqrt(x)) if degrees % 2 else math.exp(-x)
    while order < degrees / 2:
        total += math.exp(order * math.log(x) - x - math.lgamma(order + 1))
        order += 1
    return min(total, 1.0)
