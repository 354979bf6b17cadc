"""A JSON array, one element at a time (https://www.rfc-editor.org/rfc/rfc8259#section-5)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from components.contract.errors import InputError
from components.ingest.sources.lines import LINE_CHARACTERS, Lines

BLOCK_CHARACTERS = 2**16

_SPACE = re.compile(r"[ \t\n\r]*")


def elements(lines: Lines, name: str) -> Iterator[Any]:
    """Parse an array's elements as they are asked for; one of them is in memory.

    Args:
        lines: A file whose first sign is `[`.
        name: Its name, for messages.

    Yields:
        The elements.

    Raises:
        InputError: `not_text`; `unreadable_source` where the array isn't JSON, is cut short, or has
            an element much longer than `LINE_CHARACTERS`.
    """
    window = _Window(lines)
    window.sign()
    number = 0
    sign = window.sign(keep=True)
    while sign != "]":
        number += 1
        found = window.element()
        if found is None:
            raise _broken(name, f"element {number:,} is cut short, no JSON or too long")
        yield found[0]
        sign = window.sign()
        if sign not in (",", "]"):
            raise _broken(name, f"after element {number:,} there is no comma and no end")
    if number == 0:
        window.sign()
    if window.sign():
        raise _broken(name, "something follows its end")


class _Window:
    """The part of the file that is looked at."""

    def __init__(self, lines: Lines) -> None:
        self._lines, self._decoder = lines, json.JSONDecoder()
        self._text, self._at = "", 0

    def sign(self, keep: bool = False) -> str:
        """The next sign that isn't white space, "" at the end; taken unless it is kept."""
        while True:
            match = _SPACE.match(self._text, self._at)
            assert match is not None
            self._at = match.end()
            if self._at < len(self._text):
                sign = self._text[self._at]
                self._at += not keep
                return sign
            if not self._more():
                return ""

    def element(self) -> tuple[Any] | None:
        """The next element, taken; None where there is none."""
        self.sign(keep=True)
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except (ValueError, RecursionError):  # cut by the window, or broken
                if len(self._text) - self._at > LINE_CHARACTERS or not self._more():
                    return None
                continue
            closed = isinstance(value, dict | list | str)
            if not closed and end == len(self._text) and self._more():  # 12 may go on as 123
                continue
            self._at = end
            return (value,)

    def _more(self) -> bool:
        """Read on; twice as much each time, so that a long element takes linear time."""
        rest = self._text[self._at :]
        piece = self._lines.read(max(BLOCK_CHARACTERS, len(rest)))
        self._text, self._at = rest + piece, 0
        return bool(piece)


def _broken(name: str, why: str) -> InputError:
    return InputError("unreadable_source", f"{name!r} is no whole JSON array: {why}.")
