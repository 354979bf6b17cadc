"""A text's words, in any script, as people would point at them."""

from __future__ import annotations

import functools
import re
import unicodedata

_ALONE = (
    "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
"""Han characters and Japanese syllables: scripts without spaces, where a character is the unit."""
_SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
"""Thai, Lao, Burmese and Khmer: no spaces either; a letter with its marks is the unit."""


def words(text: str) -> list[tuple[int, int]]:
    """Where a text's words stand.

    Args:
        text: Any text.

    Returns:
        First character and one past the last of each, in order; every character that isn't white
        space belongs to exactly one.
    """
    return [match.span() for match in _word().finditer(text)]


def merged(spans: list[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    """Neighbouring words taken together, so that there are at most so many.

    Args:
        spans: Words, in order.
        most: How many there may be.

    Returns:
        The words, or runs of equally many of them.
    """
    size = -(-len(spans) // most) if spans else 1
    runs = (spans[start : start + size] for start in range(0, len(spans), size))
    return [(run[0][0], run[-1][1]) for run in runs]


@functools.cache
def _word() -> re.Pattern[str]:
    # Python's \w leaves combining marks out, which vowels of many scripts are.
    marks = "".join(c for c in map(chr, range(0x300, 0x20000)) if unicodedata.category(c)[0] == "M")
    marks += "\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f\U000e0100-\U000e01ef"  # skin, flags' tags
    letters = rf"[^\W{_ALONE}{_SPACELESS}][{marks}]*"
    return re.compile(
        rf"""
        [{_ALONE}][{marks}]*
        | [{_SPACELESS}][{marks}]*
        | (?:{letters})+ (?: ['\u2019.\-\u200c\u200d] (?:{letters})+ )*
        | [\U0001f1e6-\U0001f1ff]{{2}}
        | \S [{marks}]* (?: \u200d \S [{marks}]* )*  # one emoji of several
        """,
        re.VERBOSE,
    )
