"""The binary tensor data extension: tensors as raw bytes behind the JSON; for both services.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

HEADER = "inference-header-content-length"
"""Carries the length of the JSON, in bytes."""


class FramingError(ValueError):
    """Bytes that aren't what they were announced as; its text ends a sentence about them."""


def split(body: bytes, header: str) -> tuple[bytes, bytes]:
    """The JSON and the raw bytes of a body.

    Args:
        body: The whole body.
        header: What `HEADER` says.

    Returns:
        Both parts.

    Raises:
        FramingError: When the header is no length within the body.
    """
    if not (header.isascii() and header.isdecimal() and len(header) < 12) or int(header) > len(
        body
    ):
        raise FramingError("must be the length of the JSON in the body.")
    return body[: int(header)], body[int(header) :]


def texts(raw: bytes, most: int) -> list[str]:
    """Read a BYTES tensor: each text's length, 4 bytes little-endian, and its UTF-8.

    Args:
        raw: The tensor.
        most: How many texts are of interest.

    Returns:
        The texts, at most one more than that.

    Raises:
        FramingError: When it ends early or is no UTF-8.
    """
    found: list[str] = []
    at = 0
    while at < len(raw) and len(found) <= most:
        end = at + 4
        size = int.from_bytes(raw[at:end], "little")
        at, end = end, end + size
        if end > len(raw):
            raise FramingError(f"ends inside text {len(found)}.")
        try:
            found.append(raw[at:end].decode())
        except UnicodeDecodeError:
            raise FramingError(f"holds text {len(found)}, which is not UTF-8.") from None
        at = end
    return found


def pack(values: Sequence[str]) -> bytes:
    """Write a BYTES tensor, as `texts` reads it."""
    encoded = [value.encode() for value in values]
    return b"".join(part for value in encoded for part in (struct.pack("<I", len(value)), value))
