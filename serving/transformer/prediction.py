"""What the transformer knows of one answered text; journal and drift scoring read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from serving.transformer.model_identity import ModelIdentity


@dataclass(frozen=True)
class Answered:
    """n texts that one request asked about, and what the model said.

    Attributes:
        ids: n prediction ids, as the client got them.
        texts: n texts, as the client sent them.
        subject: Who asked: the token's `sub`.
        model: Which model answered.
        labels: The k label names, in the order of the probability columns.
        probabilities: (n, k) float32.
        tokens: (n,) int64, tokens in each text before it was cut.
        truncated: (n,) bool, whether the model saw head and tail only.
        features: (n, d) float32, or None when they were not asked for.
    """

    ids: Sequence[str]
    texts: Sequence[str]
    subject: str
    model: ModelIdentity
    labels: Sequence[str]
    probabilities: npt.NDArray[np.float32]
    tokens: npt.NDArray[np.int64]
    truncated: npt.NDArray[np.bool_]
    features: npt.NDArray[np.float32] | None

    @cached_property
    def best(self) -> list[int]:
        """Of each of the n texts, the column of the most probable label."""
        columns: list[int] = self.probabilities.argmax(axis=1).tolist()
        return columns

    @cached_property
    def scores(self) -> list[float]:
        """Of each of the n texts, that label's probability."""
        scores: list[float] = self.probabilities.max(axis=1).tolist()
        return scores
