"""What waits to be written, and what comes of it: plain values, as they go between processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serving.transformer.model_identity import ModelIdentity


@dataclass(frozen=True)
class Recording:
    """n predictions of one request, to keep.

    Attributes:
        time: Microseconds since 1970, UTC.
        subject: Who asked: the token's `sub`.
        model: Which model answered.
        labels: The k labels that it knows.
        ids: n prediction ids.
        texts: n texts.
        predicted: n labels, the most probable ones.
        scores: n probabilities of those labels.
        tokens: n counts of tokens.
        truncated: n times whether the model saw head and tail only.
    """

    time: int
    subject: str
    model: ModelIdentity
    labels: Sequence[str]
    ids: Sequence[str]
    texts: Sequence[str]
    predicted: Sequence[str]
    scores: Sequence[float]
    tokens: Sequence[int]
    truncated: Sequence[bool]

    @property
    def rows(self) -> int:
        """How many rows it makes."""
        return len(self.ids)

    @property
    def characters(self) -> int:
        """How much text it holds."""
        return sum(map(len, self.texts))


@dataclass(frozen=True)
class Feedback:
    """The true label of a prediction.

    Attributes:
        prediction: The prediction's id.
        label: The label.
        subject: Who says so.
        time: Microseconds since 1970, UTC.
    """

    prediction: str
    label: str
    subject: str
    time: int

    @property
    def rows(self) -> int:
        """How many rows it makes."""
        return 1

    @property
    def characters(self) -> int:
        """How much text it holds."""
        return len(self.prediction) + len(self.label) + len(self.subject)


Entry = Recording | Feedback


@dataclass(frozen=True)
class FeedbackResult:
    """A feedback that was kept.

    Attributes:
        prediction: The prediction's id.
        predicted: The label that the model gave.
        label: The true label.
        correct: Whether they are the same.
        model: Which model gave it.
    """

    prediction: str
    predicted: str
    label: str
    correct: bool
    model: ModelIdentity


Outcome = FeedbackResult | Exception | None
"""What became of an entry: None of predictions that are durable."""
