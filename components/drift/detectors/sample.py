"""A random sample of rows, the same every time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def sample(rows: npt.NDArray[np.float32], most: int, seed: int) -> npt.NDArray[np.float32]:
    """At most so many rows, drawn without replacement.

    Args:
        rows: (n, d) float32.
        most: How many.
        seed: Of the draw.

    Returns:
        (min(n, most), d) float32.
    """
    if len(rows) <= most:
        return rows
    return np.asarray(rows[np.random.default_rng(seed).choice(len(rows), most, replace=False)])
