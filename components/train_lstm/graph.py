"""The LSTM as an ONNX graph, built from weight arrays: any training framework can fill it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

OPSET = 17
IR_VERSION = 8
"""The file format that goes with the opset; older runtimes refuse newer ones."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Direction:
    """One direction's weights, its gates stacked in the order input, forget, cell, output.

    Attributes:
        kernel: (4h, e).
        recurrent: (4h, h).
        bias: (4h,), added with the kernel.
        recurrent_bias: (4h,), added with the recurrent weights.
    """

    kernel: Floats
    recurrent: Floats
    bias: Floats
    recurrent_bias: Floats


@dataclass(frozen=True)
class LstmWeights:
    """A bidirectional LSTM classifier's weights, all float32.

    Attributes:
        embedding: (v, e), a row a token.
        forwards: The direction that reads from the first token on.
        backwards: The direction that reads from the last token on.
        head: (k, 2(e + 2h)), over the maxima of token vector, forward and backward state, then
            their means.
        bias: (k,).
    """

    embedding: Floats
    forwards: Direction
    backwards: Direction
    head: Floats
    bias: Floats


def write_graph(weights: LstmWeights, file: Path) -> None:
    """Write the classifier as an ONNX file; equal weights make equal bytes.

    Inputs `ids` (b, t) and `lengths` (b,), both int64; outputs `logits` (b, k) and `features`
    (b, 2(e + 2h)), float32. States past a row's length don't count
    (https://onnx.ai/onnx/operators/onnx__LSTM.html, `sequence_lens`).

    Args:
        weights: The trained weights.
        file: Where the graph goes.
    """
    import onnx
    from onnx import TensorProto, helper

    hidden = weights.forwards.recurrent.shape[1]
    classes, width = weights.head.shape
    nodes = [
        helper.make_node("Transpose", ["ids"], ["columns"], perm=[1, 0]),
        helper.make_node("Gather", ["embedding", "columns"], ["embedded"]),
        helper.make_node("Cast", ["lengths"], ["lengths32"], to=TensorProto.INT32),
        helper.make_node(
            "LSTM",
            ["embedded", "kernels", "recurrents", "biases", "lengths32"],
            ["states"],  # (t, 2, b, h)
            direction="bidirectional",
            hidden_size=hidden,
        ),
        helper.make_node("Transpose", ["states"], ["by_row"], perm=[2, 0, 1, 3]),
        helper.make_node("Reshape", ["by_row", "joined_shape"], ["contexts"]),  # (b, t, 2h)
        helper.make_node("Transpose", ["embedded"], ["vectors"], perm=[1, 0, 2]),
        helper.make_node("Concat", ["vectors", "contexts"], ["joined"], axis=2),
        # (b, t, 1), true where a row has a token
        helper.make_node("Shape", ["ids"], ["longest"], start=1, end=2),
        helper.make_node("Squeeze", ["longest"], ["steps"]),
        helper.make_node("Range", ["zero", "steps", "one"], ["places"]),
        helper.make_node("Unsqueeze", ["lengths", "last_axis"], ["ends"]),
        helper.make_node("Less", ["places", "ends"], ["real_2d"]),
        helper.make_node("Unsqueeze", ["real_2d", "last_axis"], ["real"]),
        helper.make_node("Where", ["real", "joined", "lowest"], ["for_maxima"]),
        helper.make_node("ReduceMax", ["for_maxima"], ["maxima"], axes=[1], keepdims=0),
        helper.make_node("Where", ["real", "joined", "nought"], ["for_means"]),
        helper.make_node("ReduceSum", ["for_means", "time_axis"], ["sums"], keepdims=0),
        helper.make_node("Cast", ["ends"], ["counts"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["sums", "counts"], ["means"]),
        helper.make_node("Concat", ["maxima", "means"], ["features"], axis=1),
        helper.make_node("Gemm", ["features", "head", "bias"], ["logits"], transB=1),
    ]
    tensors = {**_tensors(weights), **_constants(2 * hidden)}
    graph = helper.make_graph(
        nodes,
        "lstm",
        [
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["rows", "tokens"]),
            helper.make_tensor_value_info("lengths", TensorProto.INT64, ["rows"]),
        ],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", classes]),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", width]),
        ],
        [onnx.numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )
    model = helper.make_model(
        graph,
        producer_name="tamis",
        producer_version="1",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    onnx.checker.check_model(model)
    file.write_bytes(model.SerializeToString(deterministic=True))


def _tensors(weights: LstmWeights) -> Mapping[str, npt.NDArray[np.float32]]:
    both = (weights.forwards, weights.backwards)
    biases = [np.concatenate([_iofc(d.bias), _iofc(d.recurrent_bias)]) for d in both]
    return {
        "embedding": weights.embedding,
        "kernels": np.stack([_iofc(d.kernel) for d in both]),
        "recurrents": np.stack([_iofc(d.recurrent) for d in both]),
        "biases": np.stack(biases),
        "head": weights.head,
        "bias": weights.bias,
    }


def _constants(width: int) -> Mapping[str, npt.NDArray[np.generic]]:
    return {
        "joined_shape": np.array([0, 0, width], np.int64),
        "zero": np.array(0, np.int64),
        "one": np.array(1, np.int64),
        "last_axis": np.array([-1], np.int64),
        "time_axis": np.array([1], np.int64),
        "lowest": np.array(-np.inf, np.float32),
        "nought": np.array(0, np.float32),
    }


def _iofc(stacked: Floats) -> Floats:
    """Gates from the order input, forget, cell, output to ONNX's input, output, forget, cell."""
    i, f, c, o = np.split(stacked, 4)
    return np.concatenate([i, o, f, c])
