"""Pearson's chi-square of predicted labels: does the model answer with each as often as before?

Its null is drawn from tables with the same margins (a hypergeometric distribution), so small
counts and many labels need no pooling.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from components.drift.detectors.detector import Kind, Score
from components.drift.detectors.permutation import scored
from components.drift.reference import Reference
from components.drift.settings import DetectorSettings
from components.drift.window import Window


class LabelChiSquare:
    """Chi-square of predicted labels in numpy.

    Args:
        reference: The sample to compare with.
        settings: Level, shuffles, seed.
    """

    name: ClassVar[str] = "labels_chi_square"
    kind: ClassVar[Kind] = "prediction"
    sequential: ClassVar[bool] = False

    def __init__(self, reference: Reference, settings: DetectorSettings) -> None:
        self._settings = settings
        labels = reference.probabilities.shape[1]
        self._counts = np.bincount(reference.predicted, minlength=labels)

    def score(self, window: Window) -> Score | None:
        settings = self._settings
        observed = np.bincount(window.predicted, minlength=len(self._counts))
        totals = self._counts + observed
        seen = totals > 0
        generator = np.random.default_rng(settings.seed)
        m = int(observed.sum())
        drawn = generator.multivariate_hypergeometric(
            totals[seen], m, settings.permutations, method="marginals"
        )
        tables = np.concatenate([observed[seen][None], drawn])
        return scored(chi_square(tables, totals[seen]), settings.alpha, m)


def chi_square(
    tables: npt.NDArray[np.int64], totals: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Pearson's statistic of 2 x c tables with the same margins.

    Args:
        tables: (b, c), the second row of each table.
        totals: (c,), the sums of both rows.

    Returns:
        (b,) float64.
    """
    m, total = tables[0].sum(), totals.sum()
    expected = totals * (m / total)
    # The other row differs from its own expectation by as much, the other way.
    squares: npt.NDArray[np.float64] = (tables - expected) ** 2
    both: npt.NDArray[np.float64] = squares / expected + squares / (totals - expected)
    return np.asarray(both.sum(axis=1), np.float64)
