"""A quicker engine is served only where it decides as the float32 one does."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.contract.calibration import Probabilities, fit_temperature, softmax
from components.contract.classifier import Classifier
from components.contract.encoding import Encoding
from components.contract.tokens import Tokens
from components.training.finish import accuracy, score_validation

ACCURACY_FALL = 0.003
"""What may be lost on the validation rows: well below what two trainings differ by."""
AGREEMENT = 0.99
"""Least share of rows that keep their label."""
BATCH_DIFFERENCE = 1e-2
"""Largest change of a probability by a text's company."""
GATE_ROWS = 2_000
"""Validation rows that are compared: enough to see a change of 0.3 points, seconds to score."""
ALONE_ROWS = 128
"""Rows that are scored alone as well, the dearest way to score."""
MIXED_ROWS = 8
"""Rows of any lengths in a batch, as a server's callers come."""


@dataclass(frozen=True)
class Comparison:
    """A candidate engine beside the float32 one, on the same validation rows.

    Attributes:
        rows: Rows compared.
        accuracy: The candidate's.
        fp32_accuracy: The reference's.
        agreement: Share of rows with the same label.
        largest_difference: Largest |difference| of a probability between the two.
        batch_rows: Rows scored alone and in batches.
        batch_difference: Largest |difference| of a probability between the candidate's own scores
            of a text alone, in a batch of similar lengths and in one of any lengths.
    """

    rows: int
    accuracy: float
    fp32_accuracy: float
    agreement: float
    largest_difference: float
    batch_rows: int
    batch_difference: float

    @property
    def refusals(self) -> list[str]:
        """A sentence for each bar that isn't reached; none when the candidate may serve."""
        if not self.rows:
            return ["There are no validation rows to compare on."]
        told = []
        if self.accuracy < self.fp32_accuracy - ACCURACY_FALL:
            told.append(f"Accuracy falls from {self.fp32_accuracy:.2%} to {self.accuracy:.2%}.")
        if self.agreement < AGREEMENT:
            told.append(f"Only {self.agreement:.2%} of the rows keep their label.")
        if not self.batch_difference <= BATCH_DIFFERENCE:
            told.append(f"A text's company moves a probability by {self.batch_difference:.3f}.")
        return told

    def record(self) -> dict[str, Any]:
        """What a bundle says of it."""
        return {**dataclasses.asdict(self), "refusals": self.refusals}


def compare(candidate: Classifier, reference: Classifier, tokens: Tokens) -> Comparison:
    """Compare two engines of one trained model on the first validation rows.

    Args:
        candidate: The quicker one.
        reference: The float32 one.
        tokens: Where the rows come from.

    Returns:
        The comparison.
    """
    expected = score_validation(reference, tokens, GATE_ROWS)
    scored = score_validation(candidate, tokens, GATE_ROWS)
    temperature = fit_temperature(expected.logits, expected.labels)
    difference = softmax(scored.logits, temperature) - softmax(expected.logits, temperature)
    same = scored.logits.argmax(axis=1) == expected.logits.argmax(axis=1)
    encoding, _ = next(tokens.batches("validation", ALONE_ROWS), (None, None))
    return Comparison(
        rows=len(same),
        accuracy=accuracy(scored.logits, scored.labels),
        fp32_accuracy=accuracy(expected.logits, expected.labels),
        agreement=round(float(same.mean()), 6) if len(same) else 0.0,
        largest_difference=round(float(np.abs(difference).max(initial=0)), 6),
        batch_rows=len(encoding) if encoding else 0,
        batch_difference=_batch_difference(candidate, encoding, temperature) if encoding else 0.0,
    )


def _batch_difference(classifier: Classifier, encoding: Encoding, temperature: float) -> float:
    def scored(size: int) -> Probabilities:
        parts = [classifier.logits(encoding.select(rows)) for rows in _groups(len(encoding), size)]
        return softmax(np.concatenate(parts), temperature)

    alone, mixed, together = (scored(size) for size in (1, MIXED_ROWS, len(encoding)))
    pairs = itertools.combinations((alone, mixed, together), 2)
    return round(max(float(np.abs(a - b).max()) for a, b in pairs), 6)


def _groups(rows: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, rows, size))
