"""From texts to the token ids that the model sees, once for each text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.contract.classifier import Classifier
from components.contract.encoding import Ids, head_tail
from components.contract.normalise import normalise
from serving.predictor.limits import CHUNK_CHARACTERS


@dataclass(frozen=True)
class Tokenised:
    """Token ids of n texts.

    Attributes:
        rows: n id arrays, cut to what the model sees.
        tokens: (n,) int64, tokens in each text before it was cut.
        truncated: (n,) bool, whether it was cut.
    """

    rows: list[Ids]
    tokens: npt.NDArray[np.int64]
    truncated: npt.NDArray[np.bool_]


def tokenise(classifier: Classifier, texts: Sequence[str]) -> Tokenised:
    """Clean and tokenise texts in the way that the training rows were.

    Args:
        classifier: Whose tokenizer and limit to use.
        texts: n texts.

    Returns:
        Their ids.
    """
    limit = classifier.max_tokens
    rows: list[Ids] = []
    lengths = []
    for chunk in _chunks(texts):
        encoding = classifier.tokenizer.encode([normalise(text) for text in chunk])
        lengths.append(encoding.lengths)
        whole = (encoding.text(row) for row in range(len(chunk)))
        rows.extend(whole if limit is None else (head_tail(ids, limit) for ids in whole))
    tokens = lengths[0] if len(lengths) == 1 else np.concatenate(lengths)
    truncated = np.zeros(len(rows), bool) if limit is None else tokens > limit
    return Tokenised(rows, tokens, truncated)


def _chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    start = size = 0
    for i, text in enumerate(texts):
        if size and size + len(text) > CHUNK_CHARACTERS:
            yield texts[start:i]
            start, size = i, 0
        size += len(text)
    yield texts[start:]
