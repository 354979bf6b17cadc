"""A BERT-like classifier as an ONNX graph over packed tokens, written from weight arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from components.train_bert.layers import EncoderWeights, Linear, Norm
from components.train_bert.linear import Int8Linear, PackedLinears
from components.train_bert.nodes import Graph
from components.train_bert.packing import Packing, pack

LINEARS = ("qkv", "attention_output", "intermediate", "output")
"""A layer's linear parts, by their names in `Layer`."""

Part = tuple[int, str]
"""A linear part of a network: the layer's number and one of `LINEARS`."""


def parts(weights: EncoderWeights) -> Iterator[tuple[Part, Linear]]:
    """Every linear layer inside the encoder, in the order of computation."""
    for number, layer in enumerate(weights.layers):
        for name in LINEARS:
            yield (number, name), getattr(layer, name)


def watched_name(part: Part) -> str:
    """The output of a watched graph that holds a linear layer's input."""
    return f"input_{part[0]}_{part[1]}"


def write_graph(
    weights: EncoderWeights,
    file: Path,
    int8: Mapping[Part, Int8Linear] | None = None,
    *,
    watched: bool = False,
) -> None:
    """Write the classifier as an ONNX file; equal weights make equal bytes.

    Inputs `input_ids` and `attention_mask` (b, t) int64, padded at the end; outputs `logits`
    (b, k) and `features` (b, d), float32.

    Args:
        weights: The trained weights.
        file: Where the graph goes.
        int8: Linear layers that are computed in 8-bit integers.
        watched: Whether each linear layer's input (n, k), float32, is an output as well, named by
            `watched_name`: what a quantisation is calibrated with.
    """
    linears = dict(parts(weights)) | dict(int8 or {})
    graph = Graph()
    add = graph.add
    packing = pack(graph, "input_ids", "attention_mask", weights.heads)
    packed = PackedLinears(graph, packing.ids)
    extra: dict[str, list[str | int]] = {}

    def linear(x: str, part: Part) -> str:
        if watched:
            name = add("Identity", x, name=watched_name(part))
            extra[name] = ["n", linears[part].weight.shape[0]]
        return packed.add(x, linears[part])

    words = add("Gather", graph.constant(weights.words), packing.ids)
    positions = add("Gather", graph.constant(weights.positions), packing.columns)
    x = _normalise(graph, add("Add", words, positions), weights.norm)
    for number, layer in enumerate(weights.layers):
        attended = _attend(graph, packing, linear(x, (number, "qkv")), weights)
        attended = linear(attended, (number, "attention_output"))
        x = _normalise(graph, add("Add", attended, x), layer.attention_norm)
        widened = add("Gelu", linear(x, (number, "intermediate")))
        narrowed = linear(widened, (number, "output"))
        x = _normalise(graph, add("Add", narrowed, x), layer.output_norm)

    places = add("Gather", x, packing.places)  # (b, t, d)
    mean = add("MatMul", packing.mean, places)
    features = add("Squeeze", mean, graph.integers(1), name="features")
    head = (graph.constant(array) for array in (weights.head.weight, weights.head.bias))
    add("Gemm", features, *head, name="logits")
    rows: list[str] = ["b", "t"]
    graph.write(
        file,
        {"input_ids": rows, "attention_mask": rows},
        {
            "logits": ["b", weights.head.weight.shape[1]],
            "features": ["b", weights.head.weight.shape[0]],
            **extra,
        },
    )


def _attend(graph: Graph, packing: Packing, qkv: str, weights: EncoderWeights) -> str:
    """Attention's results (n, d) from queries, keys and values (n, 3d)."""
    add, width = graph.add, weights.words.shape[1]
    by_head = graph.integers(-1, width // weights.heads)
    table = add("Reshape", qkv, by_head)
    queries, keys, values = (
        add("Gather", table, index) for index in (packing.queries, packing.keys, packing.values)
    )  # (b, h, t, d / h)
    scores = add("MatMul", queries, add("Transpose", keys, perm=[0, 1, 3, 2]))
    shares = add("Softmax", add("Add", scores, packing.masking), axis=-1)
    results = add("Reshape", add("MatMul", shares, values), by_head)
    back = add("Gather", results, packing.back)  # (n, h, d / h)
    return add("Reshape", back, graph.integers(-1, width))


def _normalise(graph: Graph, x: str, norm: Norm) -> str:
    scale, shift = graph.constant(norm.scale), graph.constant(norm.shift)
    return graph.add("LayerNormalization", x, scale, shift, axis=-1, epsilon=norm.epsilon)
