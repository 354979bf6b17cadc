"""Coefficients times feature values: all that a linear model's decision consists of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from components.contract.attribution import Additive, Attribution
from components.contract.classifier import Classifier
from components.contract.errors import InputError
from components.contract.tokenizer import Located
from components.explain.explanation import Mark, Term, grouped
from components.explain.words import words

Parts = tuple[float, float, tuple[Term, ...], tuple[Mark, ...]]
"""An explanation's base, total, terms and marks."""

SPACE = "\u2423"
"""What stands for a token that is a space."""


def possible(classifier: Classifier) -> bool:
    """Whether a classifier's logits are sums over stretches that can be found in the text."""
    return isinstance(classifier, Additive) and isinstance(classifier.tokenizer, Located)


def exact(classifier: Classifier, text: str, label: int) -> Parts:
    """Split a label's logit into what each n-gram added.

    Args:
        classifier: One that `possible` takes.
        text: A normalised text.
        label: The label's index.

    Returns:
        What an explanation is made of; base and terms sum to the logit.

    Raises:
        InputError: `no_exact` for a classifier whose logits are no such sums.
    """
    tokenizer = classifier.tokenizer
    if not (isinstance(classifier, Additive) and isinstance(tokenizer, Located)):
        raise InputError(
            "no_exact",
            f"The decisions of {classifier.architecture} are no sum of terms.",
            "Say --method occlusion.",
        )
    parts = classifier.attribute(tokenizer.encode([text]), label)
    spans = tokenizer.spans(text)
    starts, ends = spans[parts.first, 0], spans[parts.end - 1, 1]
    found = (
        (text[start:end].strip() or SPACE, float(added))
        for start, end, added in zip(starts, ends, parts.added, strict=True)
    )
    total = parts.base + float(parts.added.sum())
    return parts.base, total, grouped(found), _marks(text, spans, parts)


def _marks(text: str, spans: npt.NDArray[np.int64], parts: Attribution) -> tuple[Mark, ...]:
    """Each word's share: an n-gram's is split among its tokens, a token's among its characters."""
    steps = np.zeros(len(spans) + 1)
    share = parts.added / (parts.end - parts.first)
    np.add.at(steps, parts.first, share)
    np.subtract.at(steps, parts.end, share)
    by_token = np.cumsum(steps)[:-1]
    by_character = np.zeros(len(text) + 1)
    for (start, end), weight in zip(spans.tolist(), by_token.tolist(), strict=True):
        start += len(text[start:end]) - len(text[start:end].lstrip())
        if start == end:  # a space that is a token of its own goes with what it stands before
            start, end = min(start, len(text) - 1), min(start + 1, len(text))
        by_character[start:end] += weight / (end - start)
    return tuple(
        Mark(start, end, float(by_character[start:end].sum())) for start, end in words(text)
    )
