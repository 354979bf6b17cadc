"""Text as models see it: one Unicode form, no markup, no control characters, single spaces."""

from __future__ import annotations

import functools
import re
import unicodedata
from html.entities import html5

_C1 = re.compile("[\x80-\x9f]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x9f\xad\u200b\u2060\ufeff]")
"""Characters without width or meaning; not the joiners U+200C and U+200D, which scripts need."""

_ELEMENTS = (
    "a abbr acronym address applet area article aside audio b base basefont bdi bdo big blockquote "
    "body br button canvas caption center cite code col colgroup data datalist dd del details dfn "
    "dialog dir div dl dt em embed fieldset figcaption figure font footer form frame frameset "
    "h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins kbd label legend li link main "
    "map mark menu meta meter nav noframes noscript object ol optgroup option output p param "
    "picture pre progress q rp rt ruby s samp script section select small source span strike "
    "strong style sub summary sup svg table tbody td template textarea tfoot th thead time title "
    "tr track tt u ul var video wbr"
)
"""https://html.spec.whatwg.org/multipage/indices.html#elements-3 and the obsolete ones before it.
Only known names are tags: `a < b`, `<3` and `<John>` stay."""
_TAG = re.compile(
    rf"</?(?:{'|'.join(_ELEMENTS.split())})"
    r"""(?:\s+[\w:.-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=]+))*\s*/?>"""
    r"|<!--[^<>]*-->|<!doctype[^<>]*>",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));")

_PASSES = 8
"""Entities inside entities (`&amp;lt;br&amp;gt;`) need a pass a layer; honest texts have two."""
_ANGLES = str.maketrans("<>&", "   ")

_MARKS = 30
"""Combining marks in a row that the Stream-Safe Text Format allows; no language needs as many."""
_MAYBE_MARKS = re.compile(rf"[\u0300-\U0001ffff]{{{_MARKS + 1}}}")
"""Unicode's first combining mark is U+0300; few texts get past this."""


def normalise(text: str) -> str:
    """A text in the form that models are trained on and that digests are computed from.

    Unicode NFC (https://www.unicode.org/reports/tr15/), HTML tags and entities resolved, C1
    control characters read as the Windows-1252 bytes they were, other control characters
    dropped, white space collapsed. Normalising twice changes nothing.

    Args:
        text: Any text.

    Returns:
        The normalised text, at most three times as long (NFC's bound); may be empty.
    """
    if _plain(text):
        return text.strip(" ")
    for _ in range(_PASSES):
        changed = _pass(text)
        if changed == text or ("<" not in changed and "&" not in changed):
            return changed
        text = changed
    return _pass(text.translate(_ANGLES))  # nested on purpose: no angle bracket survives


def _plain(text: str) -> bool:
    """Whether a text passes through untouched, as most do; several times as fast as a pattern."""
    letters = text.isascii() and text.isprintable()
    return letters and not ("<" in text or "&" in text or "  " in text)


def _pass(text: str) -> str:
    if "&" in text:
        text = _ENTITY.sub(_character, text)
    if not text.isascii():
        text = _C1.sub(_repaired, text)
    if "<" in text:
        text = _TAG.sub(" ", text)
    text = " ".join(_CONTROL.sub("", text).split())
    if text.isascii():
        return text
    # Twice, since NFC may lengthen a run: some characters are marks, or end in one, only there.
    return _stream_safe(unicodedata.normalize("NFC", _stream_safe(text)))


def _stream_safe(text: str) -> str:
    """Long runs of marks broken by U+034F: NFC takes the square of a run's length to sort it.

    100,000 marks took nine seconds. https://www.unicode.org/reports/tr15/#Stream_Safe_Text_Format
    """
    if _MAYBE_MARKS.search(text) is None:
        return text
    return _long_run().sub("\\g<0>\u034f", text)


@functools.cache
def _long_run() -> re.Pattern[str]:
    marks = "".join(c for c in map(chr, range(0x300, 0x20000)) if unicodedata.combining(c))
    return re.compile(f"[{marks}]{{{_MARKS}}}(?=[{marks}])")


def _repaired(match: re.Match[str]) -> str:
    return match[0].encode("latin-1").decode("cp1252", "ignore")


def _character(match: re.Match[str]) -> str:
    decimal, hexadecimal, name = match.groups()
    if name:
        return html5.get(f"{name};", match[0])
    code = int(decimal) if decimal else int(hexadecimal, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return "\ufffd"  # as https://html.spec.whatwg.org/multipage/parsing.html says
    return chr(code)
