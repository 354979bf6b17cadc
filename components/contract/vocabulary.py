"""The words of the training texts, and how often each is said: what drift is told by.

Only words that occur in many texts are kept, so that none gives a text or its author away.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.text_marks import excerpt, words

TEXTS = 10_000
"""Texts that are counted: a word in one of a thousand is then known to a third of its share."""
TERMS = 4_000
"""Most words that are kept, some 30 kB; of film reviews' words they are nine in ten."""
MANY_TEXTS = 10
"""Texts that a word must occur in to be kept, or to be shown to anybody."""


@dataclass(frozen=True)
class Vocabulary:
    """Words, and how often they were said.

    Attributes:
        texts: How many texts were counted.
        words: How many words they have, rare ones among them.
        terms: Word -> how often it was said; the words that are in most texts first.
    """

    texts: int
    words: int
    terms: Mapping[str, int]

    @classmethod
    def count(cls, texts: Iterable[str]) -> Vocabulary:
        """Count the first `TEXTS` texts, one at a time."""
        holding: Counter[str] = Counter()
        said: Counter[str] = Counter()
        rows = 0
        for text in itertools.islice(texts, TEXTS):
            found = words(excerpt(text))
            said.update(found)
            holding.update(set(found))
            rows += 1
        many = ((word, n) for word, n in holding.items() if n >= MANY_TEXTS)
        kept = sorted(many, key=lambda item: (-item[1], item[0]))[:TERMS]
        return cls(rows, said.total(), {word: said[word] for word, _ in kept})

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """As arrays: `terms` uint8 (UTF-8, a line a word), `term_counts`, `term_totals` (2,)."""
        return {
            "terms": np.frombuffer("\n".join(self.terms).encode(), np.uint8),
            "term_counts": np.array(list(self.terms.values()), np.int64),
            "term_totals": np.array([self.texts, self.words], np.int64),
        }

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Vocabulary:
        """Read what `arrays` gave; `ValueError` or `KeyError` when it makes no sense."""
        told = np.asarray(arrays["terms"], np.uint8).tobytes().decode()
        terms = told.split("\n") if told else []
        counts = np.asarray(arrays["term_counts"], np.int64).tolist()
        texts, said = np.asarray(arrays["term_totals"], np.int64).tolist()
        return cls(texts, said, dict(zip(terms, counts, strict=True)))
