"""Training the strategy `spacy`: which words of the train split get ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from components.contract.settings import require
from components.tokenize.lemmas import lookup_lemmas, told_by
from components.tokenize.settings import TokenizerSettings
from components.tokenize.spacy import installed
from components.tokenize.spacy.pipeline import (
    BLANK,
    Pipeline,
    blank,
    require_spacy,
    spacy_version,
)
from components.tokenize.spacy.tokenizer import FIRST, FORMAT, SpacyTokenizer

COUNTED = 1_000_000
"""Different words that are counted at once, some 150 MB; beyond it the rarest are forgotten."""


def train_spacy(texts: Iterator[list[str]], settings: TokenizerSettings) -> SpacyTokenizer:
    """Learn a vocabulary of words.

    Args:
        texts: Batches of training texts; read once, never held.
        settings: Pipeline, lemmas, stop-words and size.

    Returns:
        The tokenizer; the same texts, pipeline and settings give the same one.

    Raises:
        InputError: `no_spacy`, `no_pipeline`, `no_lemmas`.
    """
    require_spacy()
    require(bool(settings.pipeline), "pipeline", "must name a pipeline, or blank:<language>")
    identity, stop_words, lemmas = _pipeline(settings)
    document = {
        "format": FORMAT,
        "pipeline": identity,
        "lowercase": settings.lowercase,
        "stop_words": sorted(stop_words) if settings.remove_stop_words else [],
        "lemmas": lemmas,
        "vocabulary": [],
    }
    counts = _count(SpacyTokenizer(document), texts)
    frequent = ((form, n) for form, n in counts.items() if n >= settings.min_frequency)
    ranked = sorted(frequent, key=lambda item: (-item[1], item[0]))[: settings.vocab_size - FIRST]
    vocabulary = [form for form, _ in ranked]
    fold = str.lower if settings.lowercase else str
    kept = told_by(lemmas, frozenset(vocabulary), fold)
    return SpacyTokenizer({**document, "vocabulary": vocabulary, "lemmas": kept})


def _pipeline(
    settings: TokenizerSettings,
) -> tuple[dict[str, Any], frozenset[str], dict[str, str]]:
    """The pipeline's identity for the tokenizer's file, its stop-words, its table of lemmas."""
    name = settings.pipeline
    if not name.startswith(BLANK):
        found = installed.find(name)
        identity = {"package": name, "version": found.version, "digest": found.digest}
        opened = Pipeline(lambda: installed.load(found, settings.lemmas), settings.lemmas)
        return {**identity, "lemmas": settings.lemmas}, opened.stop_words, {}
    language = name.removeprefix(BLANK)
    opened = Pipeline(lambda: blank(language), False)
    by_rules: dict[str, Any] = {
        "language": language,
        "rules": opened.rules(),
        "spacy": spacy_version(),
    }
    return by_rules, opened.stop_words, lookup_lemmas(language) if settings.lemmas else {}


def _count(tokenizer: SpacyTokenizer, texts: Iterator[list[str]]) -> Counter[str]:
    """How often each form occurs; of too many forms the rarest are forgotten.

    Lossy counting (Manku & Motwani 2002, https://doi.org/10.1016/B978-155860869-6/50038-X): a
    form's count is short by at most as much as was taken from all.
    """
    counts: Counter[str] = Counter()
    for batch in texts:
        counts.update(tokenizer.forms(batch))
        while len(counts) > COUNTED:
            counts = Counter({form: n - 1 for form, n in counts.items() if n > 1})
    return counts
