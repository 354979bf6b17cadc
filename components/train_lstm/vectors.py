"""First token vectors from a pretrained encoder, so that a small training set starts informed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.contract.errors import InputError
from components.contract.weights import resolve_weights

FILE = "model.safetensors"
NAMES = ("word_embeddings.weight", "embed_tokens.weight", "wte.weight")
"""What encoders call the matrix of token vectors."""
SPREAD = 0.1
"""Standard deviation of the vectors: the LSTM's gates saturate with an encoder's own scale."""


def pretrained_vectors(uri: str, vocabulary: int, width: int) -> npt.NDArray[np.float32]:
    """An encoder's input embeddings, reduced to their main directions.

    Args:
        uri: Hub id, folder or `package://` address of the encoder.
        vocabulary: Ids of the tokenizer, which must be the encoder's own.
        width: Columns wanted.

    Returns:
        (vocabulary, width) float32: the projection on the first principal components.

    Raises:
        InputError: `no_weights` when there is no such matrix, `tokenizer_mismatch` when it is
            of another vocabulary, `bad_parameter` when it is narrower than wanted.
    """
    matrix = _embeddings(uri)
    if len(matrix) < vocabulary:
        raise InputError(
            "tokenizer_mismatch",
            f"The tokenizer has {vocabulary} ids, the vectors of {uri!r} are {len(matrix)}.",
            "Give the lstm the encoder's own tokenizer.",
        )
    if matrix.shape[1] < width:
        raise InputError(
            "bad_parameter",
            f"embedding must be at most the {matrix.shape[1]} columns of {uri!r}, not {width}.",
        )
    centred = matrix[:vocabulary].astype(np.float64)
    centred -= centred.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)  # ascending variance
    reduced = centred @ directions[:, ::-1][:, :width]
    scaled: npt.NDArray[np.float64] = reduced * (SPREAD / reduced.std())
    return scaled.astype(np.float32)


def _embeddings(uri: str) -> npt.NDArray[np.float32]:
    from safetensors import SafetensorError, safe_open

    where = resolve_weights(uri)
    file = Path(where) / FILE
    try:
        if not file.is_file():
            from huggingface_hub import hf_hub_download

            file = Path(hf_hub_download(where, FILE))
        with safe_open(str(file), framework="numpy") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - not a mapping
                if name.endswith(NAMES):
                    vectors: npt.NDArray[np.float32] = tensors.get_tensor(name)
                    return vectors
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError("no_weights", f"The encoder {uri!r} can't be opened.") from error
    raise InputError("no_weights", f"The encoder {uri!r} has no token vectors that are known.")
