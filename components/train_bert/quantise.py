"""From float32 layers to 8-bit ones: watch what they are given, even it out, round the weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.onnx_session import OnnxSession
from components.train_bert.graph import Part, parts, watched_name, write_graph
from components.train_bert.layers import EncoderWeights, Floats, Linear
from components.train_bert.linear import Int8Linear
from components.train_bert.rounding import round_weights

SMOOTHED = ("qkv", "intermediate")
"""Behind a layer normalisation a few columns are many times the others, and one scale for all would
leave the others few steps."""
AFTER_GELU = "output"
SHARE = 0.6
"""How much of the unevenness is moved from activations into weights; the rounding makes up for some
of it there."""
SMALLEST = 1e-6
"""A column that is always 0 is taken for this."""


@dataclass
class Watched:
    """What a linear layer was given.

    Attributes:
        gram: (k, k) float64, the sum of xᵀx over n tokens.
        largest: (k,) float32, the largest |x| of each column.
        tokens: n.
    """

    gram: npt.NDArray[np.float64]
    largest: Floats
    tokens: int = 0

    def update(self, x: Floats) -> None:
        """Take n more inputs (n, k) in."""
        self.gram += x.T @ x
        self.largest = np.maximum(self.largest, np.abs(x).max(axis=0))
        self.tokens += len(x)


def watch(
    weights: EncoderWeights, batches: Iterable[Mapping[str, npt.NDArray[Any]]], scratch: Path
) -> dict[Part, Watched]:
    """Run texts through the float32 network and note what its linear layers are given.

    Args:
        weights: The network.
        batches: The graph's inputs.
        scratch: A file that may be written, and is removed.

    Returns:
        A note for each linear layer.
    """
    seen = {
        part: Watched(np.zeros((k, k)), np.zeros(k, np.float32))
        for part, linear in parts(weights)
        for k in [linear.weight.shape[0]]
    }
    try:
        write_graph(weights, scratch, watched=True)
        session = OnnxSession(scratch)
        for inputs in batches:
            given = session.run(inputs, [watched_name(part) for part in seen])
            for note, x in zip(seen.values(), given, strict=True):
                note.update(x)
    finally:
        scratch.unlink(missing_ok=True)
    return seen


def quantise(weights: EncoderWeights, seen: Mapping[Part, Watched]) -> dict[Part, Int8Linear]:
    """8-bit linear layers for a network.

    Args:
        weights: The network.
        seen: What `watch` noted of it.

    Returns:
        A layer for each of its own.
    """
    return {part: _quantise(part, linear, seen[part]) for part, linear in parts(weights)}


def _quantise(part: Part, linear: Linear, seen: Watched) -> Int8Linear:
    smoothing = smooth(linear.weight, seen.largest) if part[1] in SMOOTHED else None
    weight, gram = linear.weight, seen.gram / max(seen.tokens, 1)
    if smoothing is not None:
        weight = weight * smoothing[:, None]
        gram = gram / np.outer(smoothing, smoothing)
    rounded, steps = round_weights(weight, gram)
    return Int8Linear(rounded, steps, linear.bias, smoothing, part[1] == AFTER_GELU)


def smooth(weight: Floats, largest: Floats) -> Floats:
    """What to divide a layer's inputs by, and multiply its weights by, before both are rounded.

    SmoothQuant (Xiao et al. 2022, https://arxiv.org/abs/2211.10438, equation 4).

    Args:
        weight: (k, n).
        largest: (k,), the largest |input| of each column.

    Returns:
        (k,) float32 with a geometric mean of 1.
    """
    inputs = np.maximum(largest, SMALLEST)
    rows = np.maximum(np.abs(weight).max(axis=1), SMALLEST)
    logs = SHARE * np.log(inputs) - (1 - SHARE) * np.log(rows)
    smoothing: Floats = np.exp(logs - logs.mean()).astype(np.float32)
    return smoothing
