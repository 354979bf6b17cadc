"""What waits to be written, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

from serving.transformer.prediction import Answered, ModelIdentity


@dataclass(frozen=True)
class Recording:
    """Predictions to keep.

    Attributes:
        answered: The texts and what the model said.
        time: Microseconds since 1970, UTC.
    """

    answered: Answered
    time: int

    @property
    def rows(self) -> int:
        """How many rows it makes."""
        return len(self.answered.ids)

    @property
    def characters(self) -> int:
        """How much text it holds."""
        return sum(map(len, self.answered.texts))


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
