"""Which words are said more, and which less, than in the training texts.

No text is shown, nor a word that occurs in few: a word has to be in `MANY_TEXTS` different texts of
the window, or of the training texts. Shares are of all words said, so that shorter texts alone move
none.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

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
        self._texts: deque[Sequence[str]] = deque(maxlen=TEXTS)

    def tell(self, texts: Iterable[Sequence[str]]) -> None:
        """Take the words of texts into account, the newest last."""
        self._texts.extend(texts)

    def moved(self) -> tuple[MovedTerm, ...]:
        """The words whose share of what is said moved most, the most striking first."""
        counts: Counter[str] = Counter()
        for words in self._texts:
            counts.update(words)
        said = counts.total()
        if not self._words or not said:
            return ()
        # A set of sets: one text sent ten times is not in ten texts.
        holding = Counter(chain.from_iterable({frozenset(words) for words in self._texts}))
        striking = []
        # One that left counts as well as one that came.
        for word in self._known.keys() | holding.keys():
            before, after = self._known.get(word, 0), counts[word]
            if not before and holding[word] < MANY_TEXTS:
                continue
            both = (before + after) / (self._words + said)
            gap = after / said - before / self._words
            deviation = math.sqrt(both * (1 - both) * (1 / self._words + 1 / said))
            if deviation and abs(gap) >= STRIKING * deviation:
                striking.append((-abs(gap) / deviation, word))
        return tuple(
            MovedTerm(
                word,
                round(1_000 * self._known.get(word, 0) / self._words, 3),
                round(1_000 * counts[word] / said, 3),
                holding[word],
            )
            for _, word in sorted(striking)[:SHOWN]
        )
