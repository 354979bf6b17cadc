"""Softmax, log loss, and the temperature that makes probabilities honest."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.encoding import Integers

Floats = npt.NDArray[np.floating[Any]]
Logits = npt.NDArray[np.float32]
Probabilities = npt.NDArray[np.float32]

TEMPERATURE_RANGE = (0.05, 20.0)
"""Outside it a model is either random or memorises; clamping keeps the softmax finite."""


def softmax(logits: Floats, temperature: float = 1.0) -> Probabilities:
    """(n, k) float32 probabilities from (n, k) logits; computed in float64, rows sum to 1."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    exponentials = np.exp(scaled)
    probabilities: Probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities.astype(np.float32)


def log_loss(logits: Floats, labels: Integers, temperature: float = 1.0) -> float:
    """Mean negative log likelihood in nats.

    Args:
        logits: (n, k).
        labels: (n,) class indices.
        temperature: Divides the logits.

    Returns:
        The loss; 0.0 for no rows.
    """
    if not len(labels):
        return 0.0
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    normaliser = np.log(np.exp(scaled).sum(axis=1))
    return float(np.mean(normaliser - scaled[np.arange(len(labels)), labels]))


def fit_temperature(logits: Logits, labels: Integers) -> float:
    """The temperature with the least log loss on held-out rows (Guo et al. 2017).

    The loss is convex in 1/T, so a golden-section search on log T finds the minimum.

    Args:
        logits: (n, k) float32 of the validation split.
        labels: (n,) class indices.

    Returns:
        A temperature within `TEMPERATURE_RANGE`; 1.0 for no rows.
    """
    if not len(labels):
        return 1.0
    golden = (5**0.5 - 1) / 2
    low, high = (float(np.log(t)) for t in TEMPERATURE_RANGE)
    for _ in range(40):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if log_loss(logits, labels, np.exp(left)) < log_loss(logits, labels, np.exp(right)):
            high = right
        else:
            low = left
    return round(float(np.exp((low + high) / 2)), 6)
