"""Weights as 8-bit integers: each rounding error is made up for by the weights still to round.

The method is GPTQ's (Frantar et al. 2022, https://arxiv.org/abs/2210.17323): of all roundings of a
column, what matters is the change of the layer's results on real inputs, not of its weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from components.train_bert.layers import Floats

LARGEST = 127
PAIR_LARGEST = 128
"""Processors without VNNI add the products of two neighbouring weights in 16 bits, and clip the sum
(https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html, "U8S8").
Activations reach 255, and 255·128 fits, so neighbours of one sign sum up to 128 at most: then every
processor computes the same integers, with steps somewhat larger rather than the double ones of
7-bit weights."""
DAMPING = 0.01
"""Added to the gram matrix's diagonal, as a share of its mean (GPTQ's own choice)."""
BLOCK = 64
"""Rows whose errors are handed on within a block first: memory is then crossed once a block."""


def step_sizes(weight: Floats) -> Floats:
    """What a step of each column is worth, so that it and all its pairs stay within bounds.

    Args:
        weight: (k, n).

    Returns:
        (n,), above 0.
    """
    even = weight.shape[0] // 2 * 2
    largest = np.abs(weight).max(axis=0) / LARGEST
    for one_sign in (np.maximum(weight[:even], 0), np.maximum(-weight[:even], 0)):
        sums = one_sign[0::2] + one_sign[1::2]
        # a step less, since both of a pair may be rounded up
        largest = np.maximum(largest, sums.max(axis=0, initial=0) / (PAIR_LARGEST - 1))
    return np.where(largest > 0, largest, 1).astype(np.float32)


def round_weights(
    weight: Floats, gram: npt.NDArray[np.floating[Any]]
) -> tuple[npt.NDArray[np.int8], Floats]:
    """Round a linear layer's weights.

    Args:
        weight: (k, n).
        gram: (k, k), the mean of xᵀx over the inputs x (1, k) that the layer sees.

    Returns:
        int8 (k, n) and the step sizes (n,), float32.
    """
    k, n = weight.shape
    steps = step_sizes(weight)
    damped = gram.astype(np.float64)
    damped[np.diag_indices(k)] += DAMPING * np.diag(damped).mean() + np.finfo(np.float32).tiny
    spread = np.linalg.cholesky(np.linalg.inv(damped)).T.astype(np.float32)
    left = weight.astype(np.float32, copy=True)
    rounded = np.zeros((k, n), np.float32)
    for start in range(0, k, BLOCK):
        end = min(k, start + BLOCK)
        errors = np.zeros((end - start, n), np.float32)
        for row in range(start, end):
            value = np.clip(np.rint(left[row] / steps), -LARGEST, LARGEST)
            if row % 2:
                before = rounded[row - 1]
                lowest = -PAIR_LARGEST - np.minimum(before, 0)
                value = np.clip(value, lowest, PAIR_LARGEST - np.maximum(before, 0))
            rounded[row] = value
            error = (left[row] - value * steps) / spread[row, row]
            left[row + 1 : end] -= spread[row, row + 1 : end, None] * error
            errors[row - start] = error
        left[end:] -= spread[start:end, end:].T @ errors
    return rounded.astype(np.int8), steps
