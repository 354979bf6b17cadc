"""What an explanation holds, whatever method it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A stretch of the text, and what all its occurrences came to.

    Attributes:
        text: As it stands in the text.
        contribution: For the label when positive, against it when negative; in the explanation's
            unit.
        occurrences: How often it stands there.
    """

    text: str
    contribution: float
    occurrences: int


@dataclass(frozen=True)
class Mark:
    """A word at its place.

    Attributes:
        start: Its first character.
        end: One past its last.
        weight: Its share of the contributions.
    """

    start: int
    end: int
    weight: float


@dataclass(frozen=True)
class Explanation:
    """Why a text has a label's score.

    Attributes:
        text: The text as the model sees it.
        architecture: The classifier's.
        label: The label that is explained.
        probabilities: Label name -> probability.
        method: `exact` or `occlusion`.
        base: What the sum begins with; 0.0 where the terms don't sum.
        total: The label's logit (`exact`: base and terms sum to it), or its log-odds in nats.
        terms: The strongest first.
        marks: In the text's order.
    """

    text: str
    architecture: str
    label: str
    probabilities: Mapping[str, float]
    method: str
    base: float
    total: float
    terms: tuple[Term, ...]
    marks: tuple[Mark, ...]

    @property
    def score(self) -> float:
        """The label's probability."""
        return self.probabilities[self.label]


def grouped(found: Iterable[tuple[str, float]]) -> tuple[Term, ...]:
    """Contributions by what stands there, the strongest first.

    Args:
        found: Each occurrence's text and contribution.

    Returns:
        One term a text; equally strong ones in alphabetical order.
    """
    sums: dict[str, tuple[float, int]] = {}
    for text, contribution in found:
        total, occurrences = sums.get(text, (0.0, 0))
        sums[text] = total + contribution, occurrences + 1
    terms = (Term(text, total, occurrences) for text, (total, occurrences) in sums.items())
    return tuple(sorted(terms, key=lambda term: (-abs(term.contribution), term.text)))
