"""Rows for drift tests: real texts through a real bundle, and made-up ones with a known shift."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from components import catalogue
from components.contract.calibration import softmax
from components.contract.normalise import normalise
from components.drift.reference import Reference
from components.drift.window import Window
from serving.transformer.model_identity import ModelIdentity
from serving.transformer.prediction import Answered

DIGEST = "ab" * 32
NONE = np.zeros(0, np.bool_)


def answers(bundle: Path, texts: Sequence[str]) -> Answered:
    """What a predictor would say of texts, by a bundle's own classifier."""
    _, classifier = catalogue.open_classifier(bundle)
    encoding = classifier.tokenizer.encode([normalise(text) for text in texts])
    scores = classifier.score(encoding)
    return Answered(
        [f"id{i}" for i in range(len(texts))],
        texts,
        "ada",
        ModelIdentity("tamis", "1", DIGEST),
        classifier.labels,
        softmax(scores.logits, classifier.temperature),
        encoding.lengths,
        np.zeros(len(texts), np.bool_),
        scores.features,
    )


def window_of(answered: Answered, outcomes: Sequence[bool] = ()) -> Window:
    """Answers as a window."""
    assert answered.features is not None
    return Window(
        answered.features,
        answered.probabilities,
        answered.tokens,
        np.array(outcomes, np.bool_),
    )


def made(rows: int, seed: int, shift: float = 0.0, width: int = 8) -> Window:
    """Made-up rows; `shift` moves features, probabilities, labels and lengths."""
    source = np.random.default_rng(seed)
    positive = 1 / (1 + np.exp(-source.normal(shift * 2, 1.5, rows)))
    return Window(
        source.normal(shift, 1, (rows, width)).astype(np.float32),
        np.stack([1 - positive, positive], axis=1).astype(np.float32),
        source.poisson(20 * (1 + shift), rows).astype(np.int64),
        NONE,
    )


def made_reference(rows: int = 400, seed: int = 0, errors: float = 0.15) -> Reference:
    """A reference of made-up rows, a share of them predicted wrongly."""
    window = made(rows, seed)
    wrong = np.arange(rows) < errors * rows
    labels = np.where(wrong, 1 - window.predicted, window.predicted).astype(np.int32)
    return Reference(window.features, window.probabilities, window.lengths, labels)


def answered(window: Window, digest: str = DIGEST) -> Answered:
    """A window's rows as an answer."""
    rows = len(window.lengths)
    return Answered(
        [f"id{i}" for i in range(rows)],
        ["text"] * rows,
        "ada",
        ModelIdentity("tamis", "1", digest),
        ("negative", "positive"),
        window.probabilities,
        window.lengths,
        np.zeros(rows, np.bool_),
        window.features,
    )
