"""How much a row counts in training, by its label: what imbalanced data needs."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Weighting = Literal["none", "balanced"]

MOST = 100.0
"""A label's weight above the most frequent one's: one row in a million must not steer a step."""


def label_weights(rows: npt.NDArray[np.integer[Any]], weighting: Weighting) -> Any:
    """The weight of each label's rows.

    `balanced` gives every label the same weight in the sum, n / (k n_label), as scikit-learn's
    `class_weight="balanced"` (King and Zeng 2001, https://doi.org/10.1093/oxfordjournals.pan.a004868),
    but for labels with less than a hundredth of the most frequent one's rows. A mean over rows
    stays a mean: the rows' mean weight is 1.

    Args:
        rows: (k,) rows of each label.
        weighting: `balanced`, or `none` for ones.

    Returns:
        (k,) float32; 1 for a label without rows.
    """
    if weighting == "none" or not rows.any():
        return np.ones(len(rows), np.float32)
    inverse = np.minimum(rows.max() / np.maximum(rows, 1), MOST)
    inverse[rows == 0] = 0.0
    weights = inverse * rows.sum() / (inverse * rows).sum()
    weights[rows == 0] = 1.0
    return weights.astype(np.float32)
