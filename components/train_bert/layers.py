"""The weights of a BERT-like encoder and its head as plain arrays: what a graph is written from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.train_bert.network import BertNetwork

Floats = npt.NDArray[np.float32]

FAMILY = {"bert": False, "roberta": True, "xlm-roberta": True}
"""Kinds of encoder (transformers' `model_type`) with BERT's layers and names of weights; whether
its positions are counted from behind the padding id's."""


@dataclass(frozen=True)
class Linear:
    """x -> x·weight + bias.

    Attributes:
        weight: (k, n).
        bias: (n,).
    """

    weight: Floats
    bias: Floats


@dataclass(frozen=True)
class Norm:
    """Layer normalisation (Ba et al. 2016, https://arxiv.org/abs/1607.06450).

    Attributes:
        scale: (d,).
        shift: (d,).
        epsilon: Added to the variance.
    """

    scale: Floats
    shift: Floats
    epsilon: float


@dataclass(frozen=True)
class Layer:
    """One layer, in the order in which a token passes through it.

    Attributes:
        qkv: (d, 3d), queries, keys and values in one product; the queries hold the attention's
            1/sqrt(d / heads).
        attention_output: (d, d).
        attention_norm: After the first residual sum.
        intermediate: (d, i), before the GELU.
        output: (i, d), after it.
        output_norm: After the second residual sum.
    """

    qkv: Linear
    attention_output: Linear
    attention_norm: Norm
    intermediate: Linear
    output: Linear
    output_norm: Norm


@dataclass(frozen=True)
class EncoderWeights:
    """A whole network, float32.

    Attributes:
        words: (v, d), a row a token id.
        positions: (p, d), a row a place in the text; the one token type is added to it.
        norm: Of their sum.
        layers: From the input on.
        heads: Attention heads in each layer.
        head: (d, k), over the mean of the token vectors.
    """

    words: Floats
    positions: Floats
    norm: Norm
    layers: tuple[Layer, ...]
    heads: int
    head: Linear


def read_weights(network: BertNetwork) -> EncoderWeights | None:
    """A network's weights.

    Args:
        network: With any encoder of transformers.

    Returns:
        The weights; None when the encoder isn't one of `FAMILY` with a GELU by the error
        function.
    """
    config = network.encoder.config
    if config.model_type not in FAMILY or config.hidden_act != "gelu":
        return None
    state = {
        name: tensor.detach().float().cpu().numpy() for name, tensor in network.state_dict().items()
    }
    embeddings = "encoder.embeddings."
    positions = state[embeddings + "position_embeddings.weight"]
    if FAMILY[config.model_type]:
        positions = positions[int(config.pad_token_id) + 1 :]
    epsilon, heads = float(config.layer_norm_eps), int(config.num_attention_heads)
    return EncoderWeights(
        words=state[embeddings + "word_embeddings.weight"],
        positions=positions + state[embeddings + "token_type_embeddings.weight"][0],
        norm=_norm(state, embeddings + "LayerNorm", epsilon),
        layers=tuple(
            _layer(state, f"encoder.encoder.layer.{number}.", heads, epsilon)
            for number in range(int(config.num_hidden_layers))
        ),
        heads=heads,
        head=_linear(state, "head"),
    )


def _layer(state: Mapping[str, Any], prefix: str, heads: int, epsilon: float) -> Layer:
    parts = [_linear(state, f"{prefix}attention.self.{name}") for name in ("query", "key", "value")]
    scale = np.float32((parts[0].weight.shape[1] / heads) ** -0.5)
    scales = (scale, np.float32(1), np.float32(1))
    pairs = list(zip(parts, scales, strict=True))
    return Layer(
        qkv=Linear(
            np.concatenate([part.weight * by for part, by in pairs], axis=1),
            np.concatenate([part.bias * by for part, by in pairs]),
        ),
        attention_output=_linear(state, prefix + "attention.output.dense"),
        attention_norm=_norm(state, prefix + "attention.output.LayerNorm", epsilon),
        intermediate=_linear(state, prefix + "intermediate.dense"),
        output=_linear(state, prefix + "output.dense"),
        output_norm=_norm(state, prefix + "output.LayerNorm", epsilon),
    )


def _linear(state: Mapping[str, Any], name: str) -> Linear:
    return Linear(np.ascontiguousarray(state[name + ".weight"].T), state[name + ".bias"])


def _norm(state: Mapping[str, Any], name: str, epsilon: float) -> Norm:
    return Norm(state[name + ".weight"], state[name + ".bias"], epsilon)
