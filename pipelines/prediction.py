"""Classifying texts with the champion, lazily."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from components.catalogue import open_classifier
from components.registry.champion import open_champion

BATCH = 64
"""Texts scored at once: enough to fill a batch, few enough to answer a slow pipe soon."""


def classify(
    texts: Iterator[str], model: str, bundle: Path | None
) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Score texts as they come.

    Args:
        texts: Texts, read one batch at a time.
        model: `NAME@alias` in the registry.
        bundle: A bundle's folder, used in place of the registry's model.

    Yields:
        The text on one line of at most 80 characters, the text, and label name -> probability.

    Raises:
        InputError: `no_champion`, `not_found`.
        IntegrityError: `corrupted`.
    """
    _, classifier = open_classifier(bundle) if bundle else open_champion(model)
    size = 1 if sys.stdin.isatty() else BATCH
    while batch := list(itertools.islice(texts, size)):
        for text, row in zip(batch, classifier.predict_proba(batch), strict=True):
            yield (
                one_line(text),
                text,
                {label: float(p) for label, p in zip(classifier.labels, row, strict=True)},
            )


def one_line(text: str) -> str:
    """A text on one line of at most 80 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:79] + "…"
