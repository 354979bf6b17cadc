"""Real tokens side by side, without the padding between them.

Everything in an encoder but attention looks at one token at a time, so padding is left out of it
(Zhai et al. 2022, "ByteTransformer", https://arxiv.org/abs/2210.03052): short texts in a batch
with a long one cost what they would cost alone. Attention gathers its rectangles from the packed
rows and gathers its results back; such a gather also splits the heads and transposes, so it costs
no more than the transpositions that it replaces.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.train_bert.nodes import Graph

MASKED = -1e9
"""Added to a score whose token is padding: its exponential is exactly 0."""


@dataclass(frozen=True)
class Packing:
    """Names of the tensors that lead from rectangles of b rows of t places to n tokens and back.

    Attributes:
        ids: (n,) the real tokens' ids, row by row.
        columns: (n,) each token's place in its row.
        places: (b, t) the token at each place; padding repeats a token before it.
        queries: (b, h, t) rows of queries in a table (n·3h, d / h); `keys` and `values` likewise.
        keys: See `queries`.
        values: See `queries`.
        back: (n, h) rows of a table (b·h·t, d / h) of attention's results.
        masking: (b, 1, 1, t) float32, 0 at a token and `MASKED` at padding.
        mean: (b, 1, t) float32, what a place weighs in its row's mean.
    """

    ids: str
    columns: str
    places: str
    queries: str
    keys: str
    values: str
    back: str
    masking: str
    mean: str


def pack(graph: Graph, ids: str, mask: str, heads: int) -> Packing:
    """Append the index arithmetic, done once for all layers.

    Args:
        graph: What to append to.
        ids: (b, t) int64, padded at the end.
        mask: (b, t) int64, 1 where a row has a token; each row has one.
        heads: Attention heads.

    Returns:
        The tensors' names.
    """
    from onnx import TensorProto

    add = graph.add
    one, last, row_axis = graph.integers(1), graph.integers(-1), graph.integers(0)
    scalar = graph.constant

    shape = add("Shape", ids)
    longest = add("Slice", shape, one, graph.integers(2), row_axis)
    real = add("NonZero", add("Cast", mask, to=TensorProto.BOOL))  # (2, n): rows, columns
    rows = add("Gather", real, scalar(np.array(0, np.int64)), axis=0)
    columns = add("Gather", real, scalar(np.array(1, np.int64)), axis=0)
    packed = add("GatherND", ids, add("Transpose", real, perm=[1, 0]))

    counted = add("CumSum", add("Reshape", mask, last), scalar(np.array(0, np.int64)))
    numbers = add("Max", add("Sub", counted, one), row_axis)
    places = add("Reshape", numbers, shape)

    first = add("Mul", add("Unsqueeze", places, one), graph.integers(3 * heads))  # (b, 1, t)
    parts = np.arange(3 * heads, dtype=np.int64).reshape(3, heads, 1)
    queries, keys, values = (add("Add", first, scalar(part)) for part in parts)
    by_head = add("Mul", add("Unsqueeze", rows, one), graph.integers(heads))
    by_head = add("Add", by_head, scalar(np.arange(heads, dtype=np.int64)[None]))
    back = add("Add", add("Mul", by_head, longest), add("Unsqueeze", columns, one))

    weights = add("Cast", mask, to=TensorProto.FLOAT)
    masking = add("Mul", add("Sub", graph.number(1), weights), graph.number(MASKED))
    lengths = add("ReduceSum", weights, one, keepdims=1)
    return Packing(
        ids=packed,
        columns=columns,
        places=places,
        queries=queries,
        keys=keys,
        values=values,
        back=back,
        masking=add("Unsqueeze", masking, graph.integers(1, 2)),
        mean=add("Unsqueeze", add("Div", weights, lengths), one),
    )
