"""How honest the probabilities are: reliability diagram and expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Reliability:
    """Rows grouped by the confidence of their prediction.

    Attributes:
        edges: (m + 1,) float64, equal-width bins over [0, 1].
        rows: (m,) int64 rows in each bin; bin i holds confidences in (edge i, edge i + 1].
        confidence: (m,) float64 mean confidence; 0 for an empty bin.
        accuracy: (m,) float64 share of right predictions; 0 for an empty bin.
    """

    edges: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]

    @property
    def error(self) -> float:
        """Expected calibration error: |accuracy - confidence| weighted by rows."""
        if not self.rows.sum():
            return 0.0
        gaps = np.abs(self.accuracy - self.confidence)
        return float((gaps * self.rows).sum() / self.rows.sum())


def reliability(
    confidence: npt.NDArray[np.floating[Any]], right: npt.NDArray[np.bool_], bins: int
) -> Reliability:
    """Bin predictions by top-label confidence (Guo et al. 2017, section 2).

    https://arxiv.org/abs/1706.04599, equations 2, 3 and 5.

    Args:
        confidence: (n,) probability of each row's predicted label.
        right: (n,) whether the prediction is the label.
        bins: m, the number of equal-width bins.

    Returns:
        The binned rows.
    """
    values = confidence.astype(np.float64)
    bin_of = np.clip(np.ceil(values * bins).astype(np.int64) - 1, 0, bins - 1)
    rows = np.bincount(bin_of, minlength=bins)
    filled = np.maximum(rows, 1)
    return Reliability(
        np.linspace(0, 1, bins + 1),
        rows,
        np.bincount(bin_of, values, bins) / filled,
        np.bincount(bin_of, right, bins) / filled,
    )
