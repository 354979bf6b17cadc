"""From trained weights to a published bundle: calibrate, measure, write; the same for all."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.artifact import Draft
from components.contract.bundle import write_bundle
from components.contract.calibration import Logits, fit_temperature, log_loss, softmax
from components.contract.classifier import Classifier
from components.contract.dataset import Dataset
from components.contract.encoding import from_rows
from components.contract.text_marks import mark_texts
from components.contract.tokens import Tokens
from components.contract.vocabulary import Vocabulary

GOLDEN_ROWS = 8
REFERENCE_ROWS = 1_000
VALIDATION_ROWS = 20_000
"""Enough for a temperature and an accuracy to 0.3 points; more would only cost memory."""


@dataclasses.dataclass(frozen=True)
class Validation:
    """What a classifier makes of n validation rows.

    Attributes:
        logits: (n, k) float32.
        features: (min(n, REFERENCE_ROWS), d) float32.
        labels: (n,) int32, the true ones.
        lengths: (n,) int64, tokens in each text.
    """

    logits: Logits
    features: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int64]


def finish(
    draft: Draft,
    classifier: Classifier,
    dataset: Dataset,
    tokens: Tokens,
    settings: Any,
    history: Sequence[Mapping[str, Any]],
) -> None:
    """Calibrate a trained classifier on the validation split and write its bundle.

    Args:
        draft: A draft of kind `bundle`.
        classifier: As a server will run it; its `temperature` is set here.
        dataset: Where the golden texts come from.
        tokens: Where the validation rows come from.
        settings: The training settings (a dataclass), kept in the bundle.
        history: Metrics by epoch.
    """
    validation = score_validation(classifier, tokens)
    logits, labels = validation.logits, validation.labels
    classifier.temperature = fit_temperature(logits, labels)
    draft.facts.update(
        data_digest=dataset.manifest.digest,
        split=dataset.manifest.facts["split"],
        settings=dataclasses.asdict(settings),
        validation={
            "rows": len(labels),
            "accuracy": accuracy(logits, labels),
            "log_loss": round(log_loss(logits, labels, classifier.temperature), 6),
        },
    )
    reference = {
        "probabilities": softmax(logits[:REFERENCE_ROWS], classifier.temperature),
        "features": validation.features,
        "lengths": validation.lengths[:REFERENCE_ROWS],
        "labels": labels[:REFERENCE_ROWS],
    }
    vocabulary = Vocabulary.count(_texts(dataset, "train"))
    held_out = list(itertools.islice(_texts(dataset, "validation"), REFERENCE_ROWS))
    reference["marks"] = mark_texts(held_out, vocabulary.terms)
    reference["names"] = np.frombuffer(json.dumps(list(classifier.labels)).encode(), np.uint8)
    reference.update(vocabulary.arrays())
    # Twenty rows may leave none for validation; what a server replays needn't be unseen.
    golden = list(itertools.islice(held_out or _texts(dataset, "train"), GOLDEN_ROWS))
    write_bundle(draft, classifier, golden, history, reference)


def score_validation(
    classifier: Classifier, tokens: Tokens, limit: int = VALIDATION_ROWS
) -> Validation:
    """Score the validation split's first rows.

    Args:
        classifier: What to score with.
        tokens: Where the rows come from.
        limit: Rows after which no further batch of 1,000 is read.

    Returns:
        What it makes of them.
    """
    empty = classifier.score(from_rows([]))
    logits, features = [empty.logits], [empty.features]
    labels, lengths = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
    seen = 0
    for encoding, expected in tokens.batches("validation", 1_000):
        if seen >= limit:
            break
        scores = classifier.score(encoding)
        logits.append(scores.logits)
        features.append(scores.features[: max(0, REFERENCE_ROWS - seen)])
        labels.append(expected)
        lengths.append(encoding.lengths)
        seen += len(expected)
    return Validation(
        np.concatenate(logits),
        np.concatenate(features),
        np.concatenate(labels),
        np.concatenate(lengths),
    )


def _texts(dataset: Dataset, split: str) -> Iterator[str]:
    for batch in dataset.batches(split):
        yield from batch.texts


def accuracy(logits: Logits, labels: npt.NDArray[np.int32]) -> float:
    """Share of rows whose largest logit is the label's; 0.0 for no rows."""
    return round(float((logits.argmax(axis=1) == labels).mean()), 6) if len(labels) else 0.0


def loss_and_accuracy(
    logits: Logits,
    labels: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32] | None = None,
) -> tuple[float, float]:
    """What weights are chosen by.

    The loss is measured after calibration, as the bundle's will be: a network that is merely too
    sure of itself is not a worse one.

    Args:
        logits: (n, k) float32.
        labels: (n,) int32, the true ones.
        weights: (k,) float32, what each label's rows count; None where all count the same.

    Returns:
        Log loss in nats and accuracy in [0, 1], its rows weighed as in training; zeros for no rows.
    """
    loss = log_loss(logits, labels, fit_temperature(logits, labels))
    if weights is None or not len(labels):
        return loss, accuracy(logits, labels)
    counted = weights[labels]
    right = counted[logits.argmax(axis=1) == labels]
    return loss, round(float(right.sum() / counted.sum()), 6)
