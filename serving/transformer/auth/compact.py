"""The compact serialisation of a JWS: three base64url parts, written in the one right way.

https://www.rfc-editor.org/rfc/rfc7515#section-7.1
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from serving.transformer.auth.errors import UnauthenticatedError

MAX_TOKEN_BYTES = 8_192
"""What common reverse proxies allow for a whole header line; tokens with many roles take 4,000."""


@dataclass(frozen=True)
class CompactToken:
    """A token taken apart, nothing in it believed.

    Attributes:
        header: Bytes of the protected header.
        payload: Bytes of the payload.
        signature: Bytes of the signature.
        signing_input: What the signature is over.
    """

    header: bytes
    payload: bytes
    signature: bytes
    signing_input: bytes


def take_apart(token: bytes) -> CompactToken:
    """Split and decode a compact token.

    Args:
        token: As it stood in the Authorization header.

    Returns:
        Its parts.

    Raises:
        UnauthenticatedError: `too_long`, `wrong_parts` or `bad_base64`; a part that another encoder
            would write otherwise (padding, spaces, stray bits) counts as bad.
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise UnauthenticatedError("too_long")
    parts = token.split(b".")
    if len(parts) != 3:
        raise UnauthenticatedError("wrong_parts")
    header, payload, signature = (_decode(part) for part in parts)
    return CompactToken(header, payload, signature, parts[0] + b"." + parts[1])


def _decode(part: bytes) -> bytes:
    try:
        data = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except binascii.Error:
        raise UnauthenticatedError("bad_base64") from None
    if base64.urlsafe_b64encode(data).rstrip(b"=") != part:  # the decoder skips what it dislikes
        raise UnauthenticatedError("bad_base64")
    return data
