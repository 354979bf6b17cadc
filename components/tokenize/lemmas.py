"""Lemmas for blank pipelines: the tables of spaCy's lookup lemmatizer, from spacy-lookups-data."""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections.abc import Callable, Container
from pathlib import Path

from components.contract.errors import InputError

PACKAGE = "spacy_lookups_data"


def lookup_lemmas(language: str) -> dict[str, str]:
    """A word's lemma by the word alone (https://spacy.io/api/lemmatizer, mode `lookup`).

    Args:
        language: ISO 639 code.

    Returns:
        Word -> lemma; a word that isn't there is its own.

    Raises:
        InputError: `no_lemmas` when the tables aren't installed or have none of this language.
    """
    spec = importlib.util.find_spec(PACKAGE)
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        raise InputError(
            "no_lemmas",
            f"Lemmas of blank:{language} need the package spacy-lookups-data.",
            "Install tamis[lemmas], take an installed pipeline, or set lemmas to false.",
        )
    file = Path(places[0], "data", f"{language}_lemma_lookup.json.gz")
    if not file.is_file():
        raise InputError(
            "no_lemmas",
            f"spacy-lookups-data has no lemmas of {language!r} that go by the word alone.",
            "Take an installed pipeline that makes lemmas, or set lemmas to false.",
        )
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        table = json.load(stream)
    # French has several a word; spaCy takes the first.
    return {word: lemma if isinstance(lemma, str) else lemma[0] for word, lemma in table.items()}


def told_by(
    table: dict[str, str], vocabulary: Container[str], fold: Callable[[str], str]
) -> dict[str, str | None]:
    """The part of a table that a vocabulary can be told apart by: a bundle carries no more.

    Args:
        table: Word -> lemma.
        vocabulary: The forms that have ids.
        fold: How a word becomes a form.

    Returns:
        Word -> lemma, or None for a lemma outside the vocabulary; every word whatsoever gets the
        id that the whole table gives it.
    """
    kept: dict[str, str | None] = {}
    for word, lemma in table.items():
        told = fold(lemma) in vocabulary
        # Without its entry a word would stand for itself, or for what its lower case stands for.
        if told or fold(word) in vocabulary or (word != word.lower() and word.lower() in table):
            kept[word] = lemma if told else None
    return kept
