"""Maximum mean discrepancy of features: do window and reference have the same distribution?

Gretton et al. 2012, "A Kernel Two-Sample Test", https://jmlr.org/papers/v13/gretton12a.html; a
Gaussian kernel with the median heuristic, the null by permutation.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from components.drift.detectors.detector import Kind, Score
from components.drift.detectors.permutation import scored, splits
from components.drift.detectors.sample import sample
from components.drift.reference import Reference
from components.drift.settings import DetectorSettings
from components.drift.window import Window

ROWS = 500
"""Rows of each sample, drawn at random: the kernel's cost grows with their square."""
SLACK = 1e-7
"""Rounding of a float32 sum of a thousand terms; the statistic lies between 0 and 2."""


class FeatureMmd:
    """MMD of features in numpy.

    Args:
        reference: The sample to compare with.
        settings: Level, shuffles, seed.
    """

    name: ClassVar[str] = "features_mmd"
    kind: ClassVar[Kind] = "input"
    sequential: ClassVar[bool] = False

    def __init__(self, reference: Reference, settings: DetectorSettings) -> None:
        self._settings = settings
        self._features = sample(reference.features, ROWS, settings.seed)

    def score(self, window: Window) -> Score | None:
        settings = self._settings
        features = sample(window.features, ROWS, settings.seed)
        n, m = len(self._features), len(features)
        kernel = gaussian_kernel(np.concatenate([self._features, features]))
        generator = np.random.default_rng(settings.seed)
        chosen = splits(generator, settings.permutations, n, m)
        weights = np.where(chosen, np.float32(-1 / m), np.float32(1 / n)).T
        return scored((weights * (kernel @ weights)).sum(axis=0), settings.alpha, m, SLACK)


def gaussian_kernel(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """exp(-|x - y|^2 / median) of every pair.

    Args:
        rows: (n, d).

    Returns:
        (n, n) float32.
    """
    # Distances are the differences of large numbers when all rows share a large mean.
    centred = rows - rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    norms = np.einsum("ij,ij->i", centred, centred)
    squares = np.maximum(norms[:, None] + norms[None] - 2 * (centred @ centred.T), 0)
    above = squares[np.triu_indices(len(rows), 1)]
    width = float(np.median(above))
    if width <= 1e-12 * max(float(norms.max()), 1e-30):  # more than half of the rows are alike
        width = float(above.mean()) or 1.0
    kernel: npt.NDArray[np.float32] = np.exp(squares * np.float32(-1 / width))
    return kernel
