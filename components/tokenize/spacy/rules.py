"""The rules of spaCy's tokenizer as JSON: a bundle carries them, whatever spaCy it is opened with.

https://spacy.io/usage/linguistic-features#how-tokenizer-works. spaCy's own serialisation is left
aside since it loses the regular expressions' flags, which French has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

PATTERNS = {
    "prefix_search": "search",
    "suffix_search": "search",
    "infix_finditer": "finditer",
    "token_match": "match",
    "url_match": "match",
}
"""The tokenizer's regular expressions, and which of their methods it calls."""


def rules_of(tokenizer: Any) -> dict[str, Any] | None:
    """What decides how a tokenizer splits.

    Args:
        tokenizer: A spaCy pipeline's.

    Returns:
        A JSON document; None for a tokenizer that isn't spaCy's own by rules (Chinese, Japanese,
        Korean, Thai and Vietnamese have segmenters).
    """
    from spacy.attrs import ORTH
    from spacy.tokenizer import Tokenizer

    if type(tokenizer) is not Tokenizer:
        return None
    return {
        "patterns": {name: _pattern(getattr(tokenizer, name)) for name in PATTERNS},
        "exceptions": {
            text: [piece[ORTH] for piece in pieces] for text, pieces in tokenizer.rules.items()
        },
        "faster_heuristics": bool(tokenizer.faster_heuristics),
    }


def compiled(rules: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Makes tokenizers by rules.

    Args:
        rules: As `rules_of` gives them.

    Returns:
        A function from a spaCy vocabulary to a tokenizer that uses it, cheap to call.

    Raises:
        ValueError: When the rules make no sense; also `KeyError` and `TypeError`.
    """
    from spacy.attrs import ORTH
    from spacy.tokenizer import Tokenizer

    calls: dict[str, Any] = {}
    for name, method in PATTERNS.items():
        found = rules["patterns"][name]
        try:
            calls[name] = found and getattr(re.compile(found[0], found[1]), method)
        except re.error as error:
            raise ValueError(f"{name} is no regular expression") from error
    exceptions = {
        text: [{ORTH: piece} for piece in pieces] for text, pieces in rules["exceptions"].items()
    }
    faster = bool(rules["faster_heuristics"])
    return lambda vocab: Tokenizer(vocab, rules=exceptions, faster_heuristics=faster, **calls)


def _pattern(method: Any) -> list[Any] | None:
    """The expression and the flags of a compiled pattern's bound method."""
    return None if method is None else [method.__self__.pattern, method.__self__.flags]
