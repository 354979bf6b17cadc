"""The contract of a classifier: the same class scores in evaluate, in MLflow and in serving."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Protocol, Self, runtime_checkable

from components.contract.calibration import Logits, Probabilities, softmax
from components.contract.encoding import Encoding
from components.contract.normalise import normalise
from components.contract.tokenizer import Tokenizer


@runtime_checkable
class Classifier(Protocol):
    """A trained, calibrated model with its tokenizer; implementations inherit `predict_proba`.

    A row's probabilities never depend on the rows beside it, whatever the batch.

    Attributes:
        architecture: The name that the catalogue knows it by.
        labels: The k label names, in the order of the probability columns.
        tokenizer: The tokenizer it was trained with.
        temperature: What logits are divided by before the softmax (Guo et al. 2017,
            https://arxiv.org/abs/1706.04599); 1.0 is uncalibrated.
    """

    architecture: ClassVar[str]
    labels: tuple[str, ...]
    tokenizer: Tokenizer
    temperature: float

    def logits(self, encoding: Encoding) -> Logits:
        """(n, k) float32, before temperature and softmax."""
        ...

    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Score raw texts, cleaned in the way that the training rows were.

        Args:
            texts: n texts.

        Returns:
            (n, k) float32; rows sum to 1.
        """
        encoding = self.tokenizer.encode([normalise(text) for text in texts])
        return softmax(self.logits(encoding), self.temperature)

    def save(self, directory: Path) -> None:
        """Write its files into a directory: `classifier.json`, weights, tokenizer."""
        ...

    @classmethod
    def load(cls, directory: Path, tokenizer: Tokenizer) -> Self:
        """Read what `save` wrote; `IntegrityError` `corrupted` when it can't be read."""
        ...
