"""Made-up references and streams with a known shift."""

from __future__ import annotations

import numpy as np

from components.contract.text_marks import MARKS
from components.contract.vocabulary import Vocabulary
from components.drift.reference import Reference
from components.drift.stream import Stream

NAMES = ("negative", "positive")
WORDS = Vocabulary(1_000, 2_000, {"film": 500, "plot": 300, "actor": 200})


def stream(rows: int, seed: int, shift: float = 0.0, positive: float = 0.5) -> Stream:
    """`shift` moves lengths, marks and features; `positive` is the share of that label."""
    source = np.random.default_rng(seed)
    chosen = source.random(rows) < positive
    odds = np.where(chosen, 1, -1) * np.abs(source.normal(2, 1, rows))
    probability = 1 / (1 + np.exp(-odds))
    lengths = source.poisson(50 * (1 + shift), rows).astype(np.int64)
    marks = np.zeros((rows, len(MARKS)), np.float32)
    marks[:, 0] = lengths * source.normal(5, 0.3, rows)
    marks[:, 1] = np.clip(source.normal(0.1 + shift / 10, 0.05, rows), 0, 1)
    marks[:, 4] = np.clip(source.normal(0.05, 0.02, rows), 0, 1)
    return Stream(
        source.normal(shift, 1, (rows, 6)).astype(np.float32),
        np.stack([1 - probability, probability], axis=1).astype(np.float32),
        lengths,
        marks,
    )


def reference(rows: int = 500, seed: int = 0, errors: float = 0.1) -> Reference:
    """A share of its rows is predicted wrongly."""
    made = stream(rows, seed)
    wrong = np.random.default_rng(seed + 1).random(rows) < errors
    labels = np.where(wrong, 1 - made.predicted, made.predicted).astype(np.int32)
    return Reference(
        made.features, made.probabilities, made.lengths, labels, made.marks, WORDS, NAMES
    )


def times(rows: int, start: float = 0.0) -> np.ndarray:
    """A row a second."""
    return start + np.arange(rows, dtype=np.float64)


def outcomes(rows: int, seed: int, errors: float) -> np.ndarray:
    """Whether predictions were right."""
    return np.random.default_rng(seed).random(rows) >= errors
