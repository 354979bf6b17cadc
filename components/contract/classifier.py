"""The contract of a classifier: the same class scores in evaluate, in MLflow and in serving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from components.contract.calibration import Logits, Probabilities, softmax
from components.contract.encoding import Encoding
from components.contract.normalise import normalise
from components.contract.tokenizer import Tokenizer


@dataclass(frozen=True)
class Scores:
    """What one pass over n texts gives.

    Attributes:
        logits: (n, k) float32, before temperature and softmax.
        features: (n, d) float32, what drift detection compares: the pooled vector that the last
            layer sees, or a sketch of a sparse one.
    """

    logits: Logits
    features: npt.NDArray[np.float32]


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
        max_tokens: The longest text, in tokens, that it sees whole; of a longer one it sees head
            and tail. None when it sees every text whole.
    """

    architecture: ClassVar[str]
    labels: tuple[str, ...]
    tokenizer: Tokenizer
    temperature: float

    @property
    def max_tokens(self) -> int | None: ...

    def score(self, encoding: Encoding) -> Scores:
        """Logits and features of n texts, in their order, in one pass over each."""
        ...

    def logits(self, encoding: Encoding) -> Logits:
        """(n, k) float32, before temperature and softmax."""
        return self.score(encoding).logits

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
    def load(cls, directory: Path, tokenizer: Tokenizer, threads: int | None = None) -> Self:
        """Read what `save` wrote.

        Args:
            directory: Where it was saved.
            tokenizer: The tokenizer it was trained with.
            threads: CPU threads that one call may use; None takes the environment's.

        Returns:
            The classifier, safe to call from several threads at once.

        Raises:
            IntegrityError: `corrupted` when the files can't be read.
        """
        ...
