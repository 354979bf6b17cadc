"""Which words are said more, and which less, than in the training texts.

No text is shown, nor a word that occurs in few: a word has to be in `MANY_TEXTS` different texts of
the window, or of the training texts. Shares are of all mentions (a word counts once a text), so
that shorter texts alone move none.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass

from components.contract.vocabulary import MANY_TEXTS, Vocabulary

TEXTS = 500
"""Newest texts that are compared."""
SHOWN = 10
"""Words that are shown."""
STRIKING = 4.0
"""Standard deviations that a share must have moved by: of 4,000 words none does by chance."""


@dataclass(frozen=True)
class MovedTerm:
    """A word.

    Attributes:
        term: The word.
        before: Its share of the training texts' mentions, in thousandths.
        after: Its share of the newest texts' mentions, in thousandths.
        texts: Newest texts that hold it.
    """

    term: str
    before: float
    after: float
    texts: int


class Terms:
    """Words of the newest texts.

    Args:
        vocabulary: The training texts' frequent words.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._known = vocabulary.terms
        self._mentions = sum(vocabulary.terms.values())
        self._texts: deque[frozenset[str]] = deque()
        self._copies: Counter[frozenset[str]] = Counter()
        self._counts: Counter[str] = Counter()

    def tell(self, texts: Iterable[Iterable[str]]) -> None:
        """Take the words of texts into account, the newest last."""
        for words in texts:
            said = frozenset(words)
            self._texts.append(said)
            self._copies[said] += 1
            if self._copies[said] == 1:  # one text sent ten times is not in ten texts
                self._counts.update(said)
            if len(self._texts) > TEXTS:
                self._forget(self._texts.popleft())

    def _forget(self, said: frozenset[str]) -> None:
        self._copies[said] -= 1
        if not self._copies[said]:
            del self._copies[said]
            self._counts.subtract(said)
            for word in said:
                if not self._counts[word]:
                    del self._counts[word]

    def moved(self) -> tuple[MovedTerm, ...]:
        """The words whose share of mentions moved most, the most striking first."""
        known = self._known
        # New words are compared with nothing, known ones with what is known: both of all mentions.
        after_all = sum(self._counts.values())
        if not self._mentions or not after_all:
            return ()
        striking = []
        # One that left counts as well as one that came.
        for word in known.keys() | self._counts.keys():
            before, after = known.get(word, 0), self._counts[word]
            if not before and after < MANY_TEXTS:
                continue
            both = (before + after) / (self._mentions + after_all)
            gap = after / after_all - before / self._mentions
            deviation = math.sqrt(both * (1 - both) * (1 / self._mentions + 1 / after_all))
            if deviation and abs(gap) >= STRIKING * deviation:
                striking.append((-abs(gap) / deviation, word))
        return tuple(self._term(word, after_all) for _, word in sorted(striking)[:SHOWN])

    def _term(self, word: str, after_all: int) -> MovedTerm:
        before, after = self._known.get(word, 0), self._counts[word]
        return MovedTerm(
            word,
            round(1_000 * before / self._mentions, 3),
            round(1_000 * after / after_all, 3),
            after,
        )
