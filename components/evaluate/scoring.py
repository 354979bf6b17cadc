"""Streams a split through a classifier and keeps a few numbers a row, never the texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.calibration import Probabilities
from components.contract.classifier import Classifier
from components.contract.dataset import Batch, Dataset
from components.contract.encoding import Integers
from components.contract.errors import InputError
from components.contract.logs import Progress
from components.evaluate.metrics import Confusion, headline, log_loss
from components.evaluate.roc import CURVE_LABELS


@dataclass(frozen=True)
class Scored:
    """What scoring n rows of k labels leaves behind.

    Attributes:
        truth: (n,) int32 label indices.
        predicted: (n,) int32 label indices of the largest probability.
        confidence: (n,) float32 that probability.
        likelihood: (n,) float32 probability given to the true label.
        probabilities: (n, k) float32 for k up to `CURVE_LABELS`, else (n, 0).
        words: (n,) int32 whitespace-separated words of the texts.
        slices: Column -> (n,) values.
        invalid: Rows with a probability that isn't finite; they count as certain and wrong.
    """

    truth: npt.NDArray[np.int32]
    predicted: npt.NDArray[np.int32]
    confidence: npt.NDArray[np.float32]
    likelihood: npt.NDArray[np.float32]
    probabilities: Probabilities
    words: npt.NDArray[np.int32]
    slices: dict[str, npt.NDArray[Any]]
    invalid: int

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """(n,) whether the prediction is the label."""
        matched: npt.NDArray[np.bool_] = self.truth == self.predicted
        return matched

    def confusion(self, labels: int) -> Confusion:
        """The counts of (actual, predicted) pairs."""
        return Confusion.of(self.truth, self.predicted, labels)


class Tally:
    """Collects scored batches.

    Args:
        labels: k, the number of labels.
    """

    def __init__(self, labels: int) -> None:
        self._keep = labels if labels <= CURVE_LABELS else 0
        self._columns: list[tuple[npt.NDArray[Any], ...]] = []
        self._slices: dict[str, list[npt.NDArray[Any]]] = {}
        self._invalid = 0
        self.add(Batch([], np.zeros(0, np.int32), [], {}), np.zeros((0, labels), np.float32))

    def add(self, batch: Batch, probabilities: Probabilities) -> None:
        """Add one batch of b rows with their (b, k) probabilities in the labels' order."""
        rows, truth = np.arange(len(batch.texts)), batch.labels
        broken = ~np.isfinite(probabilities).all(axis=1)
        if broken.any():
            self._invalid += int(broken.sum())
            probabilities = probabilities.copy()
            probabilities[broken] = 0
            k = probabilities.shape[1]
            probabilities[rows[broken], (truth[broken] + 1) % k] = 1
        predicted = probabilities.argmax(axis=1).astype(np.int32)
        self._columns.append(
            (
                truth,
                predicted,
                probabilities[rows, predicted],
                probabilities[rows, truth],
                probabilities[:, : self._keep].copy(),
                np.array([len(text.split()) for text in batch.texts], np.int32),
            )
        )
        for name, values in batch.slices.items():
            self._slices.setdefault(name, []).append(np.array(values, object))

    def scored(self) -> Scored:
        """Everything added, in order."""
        names = ("truth", "predicted", "confidence", "likelihood", "probabilities", "words")
        parts = dict(zip(names, zip(*self._columns, strict=True), strict=True))
        columns: dict[str, Any] = {name: np.concatenate(part) for name, part in parts.items()}
        slices = {name: np.concatenate(part) for name, part in self._slices.items()}
        return Scored(**columns, slices=slices, invalid=self._invalid)


def column_order(labels: Sequence[str], own: Sequence[str]) -> Integers:
    """Where each of the dataset's labels stands among the classifier's columns.

    Args:
        labels: The dataset's k label names.
        own: The classifier's k label names.

    Returns:
        (k,) column indices.

    Raises:
        InputError: `label_mismatch` when the two sets differ.
    """
    if set(labels) != set(own):
        lacking, surplus = sorted({*labels} - {*own}), sorted({*own} - {*labels})
        raise InputError(
            "label_mismatch",
            f"The bundle's labels aren't the dataset's: it lacks {lacking[:5]}"
            f" and has {surplus[:5]} besides.",
            "Train on this dataset first.",
        )
    place = {name: i for i, name in enumerate(own)}
    return np.array([place[name] for name in labels])


def score(
    dataset: Dataset, split: str, classifier: Classifier
) -> Iterator[tuple[Batch, Probabilities]]:
    """Score a split in its own order.

    Args:
        dataset: Where the rows come from.
        split: `validation` or `test`.
        classifier: What scores them.

    Yields:
        A batch of b rows and its (b, k) probabilities in the dataset's order of labels.

    Raises:
        InputError: `label_mismatch`.
    """
    order = column_order(dataset.labels, classifier.labels)
    progress, done = Progress("evaluate", dataset.rows(split)), 0
    for batch in dataset.batches(split):
        yield batch, classifier.predict_proba(batch.texts)[:, order]
        done += len(batch.texts)
        progress.update(done, split=split)


def summary(scored: Scored, labels: int) -> dict[str, float]:
    """Accuracy, macro-F1, micro-F1 and log loss."""
    return headline(scored.confusion(labels)) | {"log_loss": log_loss(scored.likelihood)}
