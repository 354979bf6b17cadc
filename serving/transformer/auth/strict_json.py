"""JSON objects that can be read in one way only.

Two parsers that disagree about a duplicate key, a NaN or a lone surrogate are how a token comes to
mean one thing to the one who checks it and another to the one who uses it (RFC 8259, section 4;
RFC 7493).
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn, cast

from serving.transformer.auth.reasons import Reason

MAX_DEPTH = 8
"""Nested brackets; an identity provider's richest claim (RFC 8693's `act`) needs four."""
MAX_NUMBER_CHARACTERS = 32
"""A NumericDate has 10 digits; longer numbers cost quadratic time to convert."""

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


class NotStrictError(ValueError):
    """The bytes are no strict JSON object.

    Args:
        reason: The audit log's word for it.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def parse_object(data: bytes) -> dict[str, Any]:
    """The JSON object in some bytes.

    Args:
        data: UTF-8 without a byte order mark; the caller has bounded its size.

    Returns:
        The object; every string in it can be encoded, every number is finite.

    Raises:
        NotStrictError: `not_utf8`, `not_json`, `not_an_object`, `duplicate_key`, `not_finite`,
            `too_deep` or `lone_surrogate`.
    """
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH:
        _check_depth(data)
    try:
        text = data.decode("utf-8")
        document = _DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise NotStrictError("not_utf8") from error
    except NotStrictError:
        raise
    except ValueError as error:
        raise NotStrictError("not_json") from error
    if not isinstance(document, dict):
        raise NotStrictError("not_an_object")
    if b"\\u" in data:
        _check_encodable(document)
    return document


def _check_depth(data: bytes) -> None:
    depth = 0
    for byte in _STRING.sub(b"", data):
        if byte in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise NotStrictError("too_deep")
        elif byte in b"]}":
            depth -= 1


def _check_encodable(document: dict[str, Any]) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotStrictError("lone_surrogate") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise NotStrictError("duplicate_key")
    return document


def _integer(text: str) -> int:
    if len(text) > MAX_NUMBER_CHARACTERS:
        raise NotStrictError("not_finite")
    return int(text)


def _real(text: str) -> float:
    value = float(text) if len(text) <= MAX_NUMBER_CHARACTERS else math.inf
    if not math.isfinite(value):
        raise NotStrictError("not_finite")
    return value


def _constant(text: str) -> NoReturn:
    raise NotStrictError("not_finite")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_real,
    parse_constant=cast(Any, _constant),
)
