"""Texts worth keeping from a stream: the surest of each label, the surest mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from components.contract.calibration import Probabilities
from components.contract.dataset import Batch

EXEMPLAR_WORDS = 40
"""The longest text that is appended to another: models cut what is too long."""
MISTAKES = 10


class Exemplars:
    """For every label the short validation text that is most surely of it.

    Args:
        labels: The dataset's k label names.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = labels
        self._best: dict[int, tuple[float, str]] = {}

    def add(self, batch: Batch, probabilities: Probabilities) -> None:
        """Look through b rows with their (b, k) probabilities."""
        predicted = probabilities.argmax(axis=1)
        for row in np.flatnonzero(predicted == batch.labels):
            label, text = int(batch.labels[row]), batch.texts[row]
            value = float(probabilities[row, label])
            if value > self._best.get(label, (0.0, ""))[0] and (
                len(text.split()) <= EXEMPLAR_WORDS
            ):
                self._best[label] = (value, text)

    def texts(self) -> dict[str, str]:
        """Label name -> text, for the labels that have one."""
        return {self._labels[label]: text for label, (_, text) in sorted(self._best.items())}


class Mistakes:
    """The errors that a model was surest of, for people to read.

    Args:
        labels: The dataset's k label names.
        limit: How many to keep.
    """

    def __init__(self, labels: Sequence[str], limit: int = MISTAKES) -> None:
        self._labels, self._limit = labels, limit
        self._worst: list[tuple[float, str, str, str]] = []

    def add(self, batch: Batch, probabilities: Probabilities) -> None:
        """Look through b rows with their (b, k) probabilities."""
        predicted = probabilities.argmax(axis=1)
        for row in np.flatnonzero(predicted != batch.labels):
            guess, label = self._labels[predicted[row]], self._labels[batch.labels[row]]
            value = round(float(probabilities[row, predicted[row]]), 6)
            self._worst.append((value, batch.texts[row], label, guess))
        self._worst = sorted(self._worst, reverse=True)[: self._limit]

    def rows(self) -> list[dict[str, Any]]:
        """`confidence`, `text`, `actual`, `predicted`; surest first."""
        names = ("confidence", "text", "actual", "predicted")
        return [dict(zip(names, row, strict=True)) for row in self._worst]
