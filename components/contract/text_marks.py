"""What shows of a text at a glance: marks that drift detection compares, and its words.

Training marks the reference's rows and the drift worker marks live ones with this same code.
"""

from __future__ import annotations

import re
import string
from collections.abc import Container, Sequence

import numpy as np
import numpy.typing as npt

from components.contract.normalise import normalise

MARKS = ("characters", "unknown_words", "non_ascii", "broken_characters", "uppercase", "unfinished")
"""The columns of `mark_texts`: a count, four shares, and 0 or 1."""
EXCERPT = 4_000
"""Characters that are looked at: the same share of a long text for whoever compares."""
WORD_LETTERS = 30
"""A longer run of letters is no word; it may be a secret."""

_CAPITALS = string.ascii_uppercase.encode()
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_BROKEN = re.compile("[\ufffd\x80-\x9f]|[\u00c2\u00c3][\u00a0-\u00bf\u0152-\u2122]|\u00e2\u20ac.?")
"""U+FFFD, which decoders put for bytes that they can't read; C1 controls; and how UTF-8 looks when
it was read as Windows-1252: two- and three-byte sequences begin with U+00C2, U+00C3, U+00E2."""
_ENDS = frozenset(".!?\u2026\"')]}:;*\u201d\u2019\u00bb\u3002\uff01\uff1f-")


def excerpt(text: str) -> str:
    """At most `EXCERPT` characters of a text: its head and its tail."""
    if len(text) <= EXCERPT:
        return text
    half = EXCERPT // 2
    return f"{text[:half]} {text[-half:]}"


def words(text: str) -> list[str]:
    """A text's words in lower case, in order; digits and longer runs of letters are none."""
    plain = text.lower().replace("\u2019", "'")
    return [word for word in _WORD.findall(plain) if len(word) <= WORD_LETTERS]


def mark_texts(texts: Sequence[str], vocabulary: Container[str]) -> npt.NDArray[np.float32]:
    """Mark texts.

    Args:
        texts: n texts; raw or normalised makes no difference.
        vocabulary: The words that are known.

    Returns:
        (n, len(MARKS)) float32, in the order of `MARKS`.
    """
    marks = np.zeros((len(texts), len(MARKS)), np.float32)
    for row, text in enumerate(texts):
        marks[row] = mark(text, vocabulary)[0]
    return marks


def mark(
    text: str, vocabulary: Container[str], characters: int = 0
) -> tuple[tuple[float, ...], list[str]]:
    """Mark one text.

    Args:
        text: The text, or its `excerpt`; raw or normalised makes no difference.
        vocabulary: The words that are known.
        characters: Of the whole text, where an excerpt is given.

    Returns:
        Its marks in the order of `MARKS`, and its words.
    """
    seen = excerpt(text)
    plain = normalise(seen)
    found = words(plain)
    letters = max(len(plain), 1)
    ascii_ = plain.encode("ascii", "ignore")
    strange = len(plain) - len(ascii_)
    broken = sum(map(len, _BROKEN.findall(plain))) if strange else 0
    marks = (
        # Of a long text only the excerpt was normalised; the rest is taken to be alike.
        len(plain) * max(characters, len(text)) / max(len(seen), 1),
        sum(word not in vocabulary for word in found) / max(len(found), 1),
        strange / letters,
        broken / letters,
        (len(ascii_) - len(ascii_.translate(None, _CAPITALS))) / letters,
        float(bool(plain) and plain[-1] not in _ENDS),
    )
    return marks, found
