"""What the transformer knows of one answered text; journal and drift scoring read it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class ModelIdentity:
    """Which model answered.

    Attributes:
        name: The served model's name.
        version: Its version in the registry; a digest's beginning when it has none.
        bundle_digest: SHA-256 (hex) of its bundle's content.
    """

    name: str
    version: str
    bundle_digest: str


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


def new_id() -> str:
    """A prediction id: 128 random bits, URL-safe base64 without padding (22 characters)."""
    return secrets.token_urlsafe(16)
