"""Which words are said more, and which less, than in the training texts.

No text is shown, nor a word that occurs in few: a word has to be in `MANY_TEXTS` different texts of
the window, or of the training texts. Shares are of all words said, so that shorter texts alone move
none.
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
        before: Times that it was said in a thousand words of the training texts.
        after: The same of the newest texts.
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
        self._known, self._words = vocabulary.terms, vocabulary.words
        self._texts: deque[Counter[str]] = deque()
        self._copies: Counter[frozenset[str]] = Counter()
        self._holding: Counter[str] = Counter()
        self._said: Counter[str] = Counter()

    def tell(self, texts: Iterable[Iterable[str]]) -> None:
        """Take the words of texts into account, the newest last."""
        for words in texts:
            said = Counter(words)
            self._texts.append(said)
            self._said.update(said)
            held = frozenset(said)
            self._copies[held] += 1
            if self._copies[held] == 1:  # one text sent ten times is not in ten texts
                self._holding.update(held)
            if len(self._texts) > TEXTS:
                self._forget(self._texts.popleft())

    def _forget(self, said: Counter[str]) -> None:
        held = frozenset(said)
        self._said.subtract(said)
        self._copies[held] -= 1
        if not self._copies[held]:
            del self._copies[held]
            self._holding.subtract(held)
            for word in held:
                if not self._holding[word]:
                    del self._holding[word], self._said[word]

    def moved(self) -> tuple[MovedTerm, ...]:
        """The words whose share of mentions moved most, the most striking first."""
        said = self._said.total()
        if not self._words or not said:
            return ()
        striking = []
        # One that left counts as well as one that came.
        for word in self._known.keys() | self._holding.keys():
            before, after = self._known.get(word, 0), self._said[word]
            if not before and self._holding[word] < MANY_TEXTS:
                continue
            both = (before + after) / (self._words + said)
            gap = after / said - before / self._words
            deviation = math.sqrt(both * (1 - both) * (1 / self._words + 1 / said))
            if deviation and abs(gap) >= STRIKING * deviation:
                striking.append((-abs(gap) / deviation, word))
        return tuple(self._term(word, said) for _, word in sorted(striking)[:SHOWN])

    def _term(self, word: str, said: int) -> MovedTerm:
        return MovedTerm(
            word,
            round(1_000 * self._known.get(word, 0) / self._words, 3),
            round(1_000 * self._said[word] / said, 3),
            self._holding[word],
        )
