"""Conformal p-values: where does a text stand among all those before it?

Reference rows and live texts go into one bag. As long as they come from one distribution, each new
one is as likely at any rank among them, so its p-value is uniform and independent of the earlier
ones: exactly, at any size of the reference (Vovk, Nouretdinov & Gammerman 2003, "Testing
exchangeability on-line"; Vovk 2021, https://doi.org/10.1214/20-STS817). A p-value against the
reference alone would not be: after enough texts, the reference's own chance deviations would look
like drift.

Ranks are within a category (Mondrian conformal prediction: Vovk, Gammerman & Shafer 2005,
"Algorithmic learning in a random world", section 4.5): texts that get another label are not
compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.integer[Any]]
BLOCK = 256
"""Rows ranked at once; memory and time grow with rows x aspects x bins."""


class Bag:
    """How many rows of each category fell into each bin of each aspect.

    Args:
        counts: (aspects, categories, bins) int64 to begin with.
    """

    def __init__(self, counts: npt.NDArray[np.int64]) -> None:
        self.counts = counts.copy()

    def rank(
        self, bins: Integers, categories: Integers, ties: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """P-values of rows in their order; each is compared with those before it and itself.

        Args:
            bins: (t, aspects), t at most `BLOCK`.
            categories: (t,).
            ties: (t, aspects) in [0, 1), the place among equals.

        Returns:
            (t, aspects) in [0, 1); small where few are as low.
        """
        p_values = np.empty(bins.shape)
        for category in np.unique(categories):
            rows = np.flatnonzero(categories == category)
            mine = bins[rows]
            fallen = mine[:, :, None] == np.arange(self.counts.shape[2])
            seen = self.counts[None, :, category] + fallen.cumsum(axis=0, dtype=np.int64)
            up_to = seen.cumsum(axis=2)
            place = mine[:, :, None].astype(np.int64)
            equal = np.take_along_axis(seen, place, 2)[:, :, 0]
            below = np.take_along_axis(up_to, place, 2)[:, :, 0] - equal
            p_values[rows] = (below + ties[rows] * equal) / up_to[:, :, -1]
        return p_values

    def add(self, bins: Integers, categories: Integers) -> None:
        """Put rows into the bag.

        Args:
            bins: (t, aspects).
            categories: (t,).
        """
        self.counts += tally(bins, categories, self.counts.shape)


def tally(bins: Integers, categories: Integers, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Count rows.

    Args:
        bins: (t, aspects).
        categories: (t,).
        shape: aspects, categories, bins.

    Returns:
        (aspects, categories, bins) int64.
    """
    aspects, kinds, width = shape
    place = (np.arange(aspects) * kinds + categories[:, None]) * width + bins.astype(np.int64)
    return np.bincount(place.ravel(), minlength=aspects * kinds * width).reshape(shape)
