"""Opening a pretrained encoder and making sure that the tokenizer is its own."""

from __future__ import annotations

from typing import Any

import torch

from components.contract.errors import InputError
from components.contract.tokenizer import Tokenizer
from components.contract.weights import resolve_weights


def open_encoder(uri: str, tokenizer: Tokenizer, max_tokens: int, dropout: float = 0.0) -> Any:
    """A transformers encoder without its pooler, in float32.

    Only safetensors weights are read: PyTorch's own format is a pickle, which can run code.

    Args:
        uri: Hub id, folder or `package://` address.
        tokenizer: What the ids come from.
        max_tokens: Longest row that it will be given.
        dropout: Replaces every dropout of its configuration.

    Returns:
        The module; it takes `input_ids` and `attention_mask` (b, t) int64 and gives
        `last_hidden_state` (b, t, d).

    Raises:
        InputError: `no_weights` when there is no such encoder, `tokenizer_mismatch` when the
            tokenizer has more ids than it, `bad_parameter` when `max_tokens` exceeds its
            positions.
    """
    from transformers import AutoConfig, AutoModel

    try:
        config = AutoConfig.from_pretrained(resolve_weights(uri))
        for name, value in vars(config).items():  # each kind of encoder has its own names
            if "dropout" in name and isinstance(value, float):
                setattr(config, name, dropout)
        encoder = AutoModel.from_pretrained(
            resolve_weights(uri), config=config, use_safetensors=True
        )
    except (OSError, ValueError) as error:
        raise InputError(
            "no_weights",
            f"The encoder {uri!r} can't be opened.",
            "Give a hub id, a folder or package://<package>/<folder> that holds config.json and "
            "model.safetensors.",
        ) from error
    known = encoder.get_input_embeddings().num_embeddings
    if tokenizer.vocab_size > known:
        raise InputError(
            "tokenizer_mismatch",
            f"The tokenizer has {tokenizer.vocab_size} ids, the encoder {uri!r} knows {known}.",
            "Give the tokenizer of the parameter file the same encoder.",
        )
    positions = getattr(encoder.config, "max_position_embeddings", None)
    if positions is not None and max_tokens > positions:
        raise InputError(
            "bad_parameter",
            f"max_tokens must be at most the encoder's {positions} positions, not {max_tokens}.",
        )
    if hasattr(encoder, "pooler"):
        encoder.pooler = None  # mean pooling replaces it; unused weights only cost memory
    return encoder


def freeze(encoder: Any, layers: int) -> None:
    """Leave the embeddings and the first layers as they were pretrained.

    Args:
        encoder: A transformers encoder.
        layers: How many layers; 0 freezes nothing.

    Raises:
        InputError: `bad_parameter` when the encoder has no more layers than that.
    """
    if not layers:
        return
    stack = next((m for m in encoder.modules() if isinstance(m, torch.nn.ModuleList)), ())
    if layers >= len(stack):
        raise InputError(
            "bad_parameter",
            f"frozen_layers must be below the encoder's {len(stack)} layers, not {layers}.",
        )
    for module in (encoder.get_input_embeddings(), *stack[:layers]):
        module.requires_grad_(False)
    embeddings = getattr(encoder, "embeddings", None)  # positions and normalisation, BERT's name
    if embeddings is not None:
        embeddings.requires_grad_(False)
