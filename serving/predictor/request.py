"""A request as both protocols ask it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ScoreRequest:
    """n texts to score.

    Attributes:
        texts: The texts.
        truncate: Whether a text may be cut to what the model sees.
        id: The client's name for the request; may be empty.
        outputs: Names of the tensors to answer with -> whether as raw bytes; version 2 only.
    """

    texts: Sequence[str]
    truncate: bool = True
    id: str = ""
    outputs: Mapping[str, bool] = field(default_factory=dict)
