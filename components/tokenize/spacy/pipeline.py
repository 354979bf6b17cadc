"""spaCy pipelines as what a tokenizer needs of them: the words of texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from components.contract.errors import InputError, IntegrityError
from components.tokenize.spacy import installed
from components.tokenize.spacy.rules import compiled, rules_of

BLANK = "blank:"
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_LONG_RUN = re.compile(r"\S{50}(?=\S)")
"""Characters without white space after which a word ends. spaCy strips punctuation off a run one
character at a time and searches the rest again: 8,000 exclamation marks took it nine seconds, and
80,000 would take a quarter of an hour of a server's time."""
STRINGS = 200_000
"""New strings after which a pipeline is made afresh: spaCy keeps each for ever, some 200 bytes."""

Word = tuple[str, str]
"""A token's text and, from pipelines that make them, its lemma."""


class Pipeline:
    """Splits texts into words with flat memory; not for several threads at once.

    Args:
        make: Makes the spaCy pipeline, always the same one.
        lemmas: Whether its components run, to tell the words' lemmas.
    """

    def __init__(self, make: Callable[[], Any], lemmas: bool) -> None:
        self._make, self._lemmas = make, lemmas
        self._nlp = make()
        self._known = len(self._nlp.vocab.strings)
        # Segmenters of scripts without spaces have runs of any length, and no such cost.
        self._cut = rules_of(self._nlp.tokenizer) is not None

    @property
    def stop_words(self) -> frozenset[str]:
        """The language's stop-words, lower case; none for languages without such a list."""
        return frozenset(self._nlp.Defaults.stop_words)

    def rules(self) -> dict[str, Any] | None:
        """As `rules_of`."""
        return rules_of(self._nlp.tokenizer)

    def split(self, texts: Sequence[str]) -> Iterator[list[Word]]:
        """The words of each text, lazily; a text's never depend on its neighbours."""
        if len(self._nlp.vocab.strings) > self._known + STRINGS:
            self._nlp = self._make()
        runs = (_LONG_RUN.sub("\\g<0> ", text) if self._cut else text for text in texts)
        if self._lemmas:
            # One text a batch: a network's sums round differently beside other rows.
            for doc in self._nlp.pipe(runs, batch_size=1):
                yield [(token.text, token.lemma_) for token in doc if not token.is_space]
        else:
            for doc in self._nlp.tokenizer.pipe(runs):
                yield [(token.text, "") for token in doc if not token.is_space]


def open_pipeline(identity: Mapping[str, Any]) -> Pipeline:
    """Open the pipeline that a tokenizer's file names.

    Args:
        identity: `package`, `version`, `digest` and `lemmas` of an installed one; `language` and
            `rules`, or in place of rules the `spacy` version, of a blank one.

    Returns:
        The pipeline.

    Raises:
        InputError: `no_spacy`, or as `blank` and `installed.find`.
        IntegrityError: `other_pipeline` when what is installed would split differently.
        ValueError: When the identity makes no sense; also `KeyError` and `TypeError`.
    """
    require_spacy()
    if "package" in identity:
        exact = (str(identity["package"]), str(identity["version"]), str(identity["digest"]))
        package, lemmas = installed.find_exactly(*exact), bool(identity["lemmas"])
        return Pipeline(lambda: installed.load(package, lemmas), lemmas)
    language = str(identity["language"])
    if identity["rules"] is not None:
        return Pipeline(_by_rules(identity["rules"]), False)
    if identity["spacy"] != spacy_version():
        raise IntegrityError(
            "other_pipeline",
            f"The tokenizer was made with spaCy {identity['spacy']}'s segmenter for {language!r}; "
            f"here spaCy {spacy_version()} is installed.",
            "Install that version, or train again.",
        )
    return Pipeline(lambda: blank(language), False)


def blank(language: str) -> Any:
    """A spaCy pipeline that only splits.

    Args:
        language: ISO 639 code that spaCy knows, `xx` for any.

    Returns:
        The spaCy pipeline.

    Raises:
        InputError: `no_pipeline` when spaCy has no such language, or needs another package for it.
    """
    import spacy

    hint = "Take a language of https://spacy.io/usage/models#languages, or xx for any."
    if not _LANGUAGE.fullmatch(language):
        raise InputError(
            "no_pipeline", f"spaCy can't split {language!r}: no language's code.", hint
        )
    try:
        return spacy.blank(language)
    except ImportError as error:
        told = " ".join(str(error).split())
        raise InputError(
            "no_pipeline", f"spaCy can't split {language!r} here: {told}", hint
        ) from error


def require_spacy() -> None:
    """Raise `InputError` `no_spacy` where spaCy isn't installed."""
    if find_spec("spacy") is None:
        raise InputError(
            "no_spacy",
            "A tokenizer of the strategy spacy needs spaCy, which is not installed here.",
            "Install tamis[spacy]; images are built with SPACY=1.",
        )


def spacy_version() -> str:
    """The version of spaCy that is installed."""
    from importlib.metadata import version

    return version("spacy")


def _by_rules(rules: Mapping[str, Any]) -> Callable[[], Any]:
    make = compiled(rules)

    def fresh() -> Any:
        import spacy

        nlp = spacy.blank("xx")
        nlp.tokenizer = make(nlp.vocab)
        return nlp

    fresh()  # exceptions that don't spell their own text are refused here
    return fresh
