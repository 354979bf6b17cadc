"""The contract of a detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from components.drift.window import Window

Kind = Literal["input", "prediction", "concept"]
"""What drifted: the texts, what the model says of them, or how often that is right."""


@dataclass(frozen=True)
class Score:
    """What a detector makes of a window.

    Attributes:
        value: The statistic; the larger, the further from the reference.
        p_value: How likely it is to be as large without drift; None when the test is sequential
            and holds its error rate over all windows instead.
        threshold: The value above which it is significant.
        rows: Rows, or pieces of feedback, that it is computed from.
    """

    value: float
    p_value: float | None
    threshold: float
    rows: int

    @property
    def significant(self) -> bool:
        """Whether the value is above the threshold."""
        return self.value > self.threshold


class Detector(Protocol):
    """Compares windows with a reference that it was made with.

    Attributes:
        name: Its name in reports and metrics.
        kind: What it looks at.
        sequential: Whether it goes on from window to window and keeps its rate of false alarms
            over all of them; others look at each window alone.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    sequential: ClassVar[bool]

    def score(self, window: Window) -> Score | None:
        """Score a window of one row or more; None when there is nothing to go by yet."""
        ...
