"""An ONNX graph under construction: nodes in order, named by what they compute."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

OPSET = 20
"""The first with GELU as an operator."""
IR_VERSION = 9
"""The file format that goes with the opset; older runtimes refuse newer ones."""
MICROSOFT = "com.microsoft"
"""Operators of ONNX Runtime's own
(https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md)."""

SHARED_ELEMENTS = 64
"""Constants up to this size are kept once, whoever asks for them."""


class Graph:
    """Collects nodes and constants, then writes them as a file."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: dict[str, npt.NDArray[Any]] = {}
        self._shared: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def constant(self, array: npt.NDArray[Any]) -> str:
        """The name of a constant of this content."""
        array = np.ascontiguousarray(array).reshape(array.shape)
        key = (array.dtype.str, array.shape, array.tobytes())
        if array.size <= SHARED_ELEMENTS and key in self._shared:
            return self._shared[key]
        name = f"constant_{len(self._constants)}"
        self._constants[name] = array
        if array.size <= SHARED_ELEMENTS:
            self._shared[key] = name
        return name

    def integers(self, *values: int) -> str:
        """The name of a one-dimensional int64 constant: shapes, axes, slices."""
        return self.constant(np.array(values, np.int64))

    def number(self, value: float) -> str:
        """The name of a float32 scalar."""
        return self.constant(np.array(value, np.float32))

    def add(
        self, operator: str, *inputs: str, name: str = "", domain: str = "", **attributes: Any
    ) -> str:
        """Append a node with one output.

        Args:
            operator: ONNX operator.
            *inputs: Names of its inputs; empty for one that is left out.
            name: Of its output; a number by default.
            domain: The operator's domain.
            **attributes: The operator's attributes.

        Returns:
            Its output's name.
        """
        from onnx import helper

        name = name or f"{operator}_{len(self._nodes)}"
        node = helper.make_node(operator, inputs, [name], name=name, domain=domain, **attributes)
        self._nodes.append(node)
        return name

    def write(
        self,
        file: Path,
        inputs: Mapping[str, list[str]],
        outputs: Mapping[str, list[str | int]],
    ) -> None:
        """Write the graph; equal content makes equal bytes.

        Args:
            file: Where it goes.
            inputs: Names and shapes of the int64 inputs.
            outputs: Names and shapes of the float32 outputs.
        """
        import onnx
        from onnx import TensorProto, helper

        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            self._nodes,
            "bert",
            [info(name, TensorProto.INT64, shape) for name, shape in inputs.items()],
            [info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
            [onnx.numpy_helper.from_array(a, name) for name, a in self._constants.items()],
        )
        model = helper.make_model(
            graph,
            producer_name="tamis",
            producer_version="1",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)],
        )
        file.write_bytes(model.SerializeToString(deterministic=True))
