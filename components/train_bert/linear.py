"""A linear layer in a graph: in float32, or in int8 with a scale a token.

A token's activations are scaled by their own largest value (Yao et al. 2022, "ZeroQuant",
https://arxiv.org/abs/2206.01861, section 4.1), so what a text gives can't depend on its company.
ONNX Runtime's own dynamic quantisation takes one scale for a whole batch; its `MatMulNBits` takes
one a block, but runs at a third of the speed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.train_bert.layers import Floats, Linear
from components.train_bert.nodes import MICROSOFT, Graph

ZERO_POINT = 128
"""Of activations of either sign: the products are quickest with unsigned activations."""
GELU_ZERO_POINT = 24
GELU_LOWEST = -0.17
"""GELU's least value, at -0.75; the 24 steps below its zero point reach at least so far, and the
others are left to the large values."""
SMALLEST_SCALE = 1e-8
"""A token of zeros is not divided by zero."""


@dataclass(frozen=True)
class Int8Linear:
    """A linear layer whose product is computed in 8-bit integers.

    Attributes:
        weight: (k, n) int8.
        scales: (n,) float32, what a step of each column is worth.
        bias: (n,) float32.
        smoothing: (k,) float32, what the inputs are divided by before rounding, the weights being
            multiplied by it; None for ones.
        after_gelu: Whether the inputs are a GELU's results.
    """

    weight: npt.NDArray[np.int8]
    scales: Floats
    bias: Floats
    smoothing: Floats | None
    after_gelu: bool


class PackedLinears:
    """Appends linear layers over n packed tokens.

    Args:
        graph: What to append to.
        tokens: Any tensor whose one axis is the tokens'.
    """

    def __init__(self, graph: Graph, tokens: str) -> None:
        self._graph = graph
        self._count = graph.add("Shape", tokens)
        self._zero_points: dict[int, tuple[str, str]] = {}

    def add(self, x: str, linear: Linear | Int8Linear) -> str:
        """Append one layer.

        Args:
            x: (n, k) float32.
            linear: The layer.

        Returns:
            The result's name, (n, m) float32.
        """
        graph = self._graph
        weight, bias = graph.constant(linear.weight), graph.constant(linear.bias)
        if isinstance(linear, Linear):
            return graph.add("Add", graph.add("MatMul", x, weight), bias)
        if linear.smoothing is not None:
            x = graph.add("Mul", x, graph.constant(1 / linear.smoothing))
        scale = self._gelu_scale(x) if linear.after_gelu else self._scale(x)
        scalar, vector = self._zero_point(GELU_ZERO_POINT if linear.after_gelu else ZERO_POINT)
        flat = graph.add("Squeeze", scale, graph.integers(1))
        quantised = graph.add("QuantizeLinear", x, flat, vector, axis=0)
        product = graph.add(
            "MatMulIntegerToFloat",
            quantised,
            weight,
            graph.number(1),
            graph.constant(linear.scales),
            scalar,
            domain=MICROSOFT,
        )
        return graph.add("Add", graph.add("Mul", product, scale), bias)

    def _scale(self, x: str) -> str:
        graph = self._graph
        largest = graph.add("ReduceMax", graph.add("Abs", x), graph.integers(1), keepdims=1)
        step = graph.add("Mul", largest, graph.number(1 / 127))
        return graph.add("Max", step, graph.number(SMALLEST_SCALE))

    def _gelu_scale(self, x: str) -> str:
        graph = self._graph
        largest = graph.add("ReduceMax", x, graph.integers(1), keepdims=1)
        step = graph.add("Mul", largest, graph.number(1 / (255 - GELU_ZERO_POINT)))
        return graph.add("Max", step, graph.number(-GELU_LOWEST / GELU_ZERO_POINT))

    def _zero_point(self, value: int) -> tuple[str, str]:
        """A zero point as the product takes it, and as many times as there are tokens."""
        if value not in self._zero_points:
            vector = self._graph.add(
                "Expand", self._graph.constant(np.array([value], np.uint8)), self._count
            )
            self._zero_points[value] = (
                self._graph.constant(np.array(value, np.uint8)),
                vector,
            )
        return self._zero_points[value]
