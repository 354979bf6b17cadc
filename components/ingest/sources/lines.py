"""Lines of text files in bounded memory, whatever the bytes."""

from __future__ import annotations

import codecs
import io
from typing import IO, Self

from components.contract.errors import InputError

LINE_CHARACTERS = 2**20
"""A longer line is skipped, piece by piece, so that no file can fill the memory with one."""

_HEAD_BYTES = 2**16
_MARKS = (  # UTF-32's little-endian mark begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class LineTooLong(Exception):  # noqa: N818 - a signal between this module and its readers
    """A line was skipped; the argument is its beginning."""


class Lines:
    """Iterates over a stream's lines, their ends kept; a context manager that closes the stream.

    UTF-8 is assumed unless a byte order mark says otherwise; bytes that aren't UTF-8 become
    surrogates (PEP 383), which is how a row of them is told later.

    Args:
        stream: A binary stream with `readinto`.
        name: The file's name, for messages.

    Raises:
        InputError: `not_text`, now or when a line holds a NUL.
        LineTooLong: While iterating; the next call goes on with the next line.

    Attributes:
        number: Lines so far.
        quotes: Quotes since a reader last set it to 0.
        ended: Whether the end was met.
        opening: The first character that isn't white space, "" where the file begins without one.
    """

    def __init__(self, stream: IO[bytes], name: str) -> None:
        buffered = io.BufferedReader(stream, _HEAD_BYTES)  # type: ignore[type-var]
        head = buffered.peek(_HEAD_BYTES)
        encoding = next((e for mark, e in _MARKS if head.startswith(mark)), "utf-8")
        self._name = name
        self.opening = head.decode(encoding, "ignore").lstrip()[:1]
        if encoding.startswith("utf-8"):
            if b"\0" in head:
                raise self._not_text()
            self._text = io.TextIOWrapper(buffered, encoding, "surrogateescape", newline="")
        else:
            self._text = io.TextIOWrapper(buffered, encoding, "strict", newline="")
        self.number = 0
        self.quotes = 0
        self.ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._text.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        try:
            line = self._text.readline(LINE_CHARACTERS)
        except UnicodeDecodeError as error:
            raise self._not_text() from error
        if not line:
            self.ended = True
            raise StopIteration
        self.number += 1
        self.quotes += line.count('"')
        if "\0" in line:
            raise self._not_text()
        if len(line) == LINE_CHARACTERS and line[-1] not in "\r\n":
            self._skip_rest()
            raise LineTooLong(line[:200])
        return line

    def read(self, characters: int) -> str:
        """At most so many characters, whatever the lines; "" at the end; raises as iterating."""
        try:
            text = self._text.read(characters)
        except UnicodeDecodeError as error:
            raise self._not_text() from error
        if "\0" in text:
            raise self._not_text()
        return text

    def _skip_rest(self) -> None:
        while piece := self._text.readline(LINE_CHARACTERS):
            self.quotes += piece.count('"')
            if piece[-1] in "\r\n":
                break

    def _not_text(self) -> InputError:
        return InputError(
            "not_text",
            f"{self._name!r} holds bytes that no text file holds.",
            "Save it as UTF-8, or give it the ending of its format.",
        )
