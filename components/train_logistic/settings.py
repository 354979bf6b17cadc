"""The parameters of the logistic regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from components.contract.settings import require


@dataclass(frozen=True)
class LogisticSettings:
    """How the logistic regression is trained.

    Attributes:
        tokenizer: Which of the parameters' tokenizers it reads.
        ngrams: Longest n-gram of tokens.
        hash_bits: Features are hashed into 2 to this power; lowered for many labels.
        weighting: `nb` scales binary features by their naive Bayes log-count ratio (Wang and
            Manning 2012, https://aclanthology.org/P12-2018), for two labels; `idf` is sublinear
            tf-idf with unit rows; `auto` takes `nb` for two labels and `idf` for more.
        min_rows: Features seen in fewer training rows are dropped.
        alpha: Strength of the L2 penalty; None takes what suits the weighting.
        epochs: Passes over the training split.
        chunk_rows: Rows in memory at a time.
        seed: Seeds the order of rows inside a chunk.
        class_weights: `balanced` has every label count the same, however rare; `none` every row.
    """

    tokenizer: str = "bpe"
    ngrams: int = 2
    hash_bits: int = 20
    weighting: Literal["auto", "nb", "idf"] = "auto"
    min_rows: int = 2
    alpha: float | None = None
    epochs: int = 5
    chunk_rows: int = 2_000
    seed: int = 13
    class_weights: Literal["none", "balanced"] = "none"

    def check(self) -> None:
        """Refuse values that can't work."""
        require(1 <= self.ngrams <= 5, "ngrams", "must be between 1 and 5")
        require(8 <= self.hash_bits <= 28, "hash_bits", "must be between 8 and 28")
        require(self.min_rows >= 1, "min_rows", "must be at least 1")
        require(self.alpha is None or self.alpha > 0, "alpha", "must be above 0")
        require(self.epochs >= 1, "epochs", "must be at least 1")
        require(self.chunk_rows >= 1, "chunk_rows", "must be at least 1")
