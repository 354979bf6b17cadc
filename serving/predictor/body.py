"""A request's body: read in bounded memory and time, JSON or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.types import Receive

from serving.predictor.errors import RequestError, overloaded
from serving.predictor.limits import BODIES_BYTES, BODY_BYTES, BODY_SECONDS

TYPES = (b"application/json", b"application/octet-stream", b"")


class Bodies:
    """The bodies that are held at once, bounded in bytes together."""

    def __init__(self) -> None:
        self._held = 0

    async def read(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """Read a body and count it as held, until `release`.

        Args:
            headers: The request's, names in lower case.
            receive: Where its parts come from.

        Returns:
            The body.

        Raises:
            RequestError: 413, 415, 408, 400 `incomplete_body` or 503 `overloaded`.
        """
        _check(headers)
        parts: list[bytes] = []
        try:
            async with asyncio.timeout(BODY_SECONDS):
                await self._fill(parts, receive)
        except BaseException as error:
            self.release(sum(map(len, parts)))
            if isinstance(error, TimeoutError):
                raise RequestError(
                    408, "body_timeout", "body took too long.", field="body"
                ) from None
            raise
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def release(self, size: int) -> None:
        """Note that a body of this size isn't held any more."""
        self._held -= size

    async def _fill(self, parts: list[bytes], receive: Receive) -> None:
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RequestError(400, "incomplete_body", "body ended early.", field="body")
            part, more = message.get("body", b""), message.get("more_body", False)
            size += len(part)
            if size > BODY_BYTES:
                raise _too_large()
            if self._held + len(part) > BODIES_BYTES:
                raise overloaded()
            self._held += len(part)
            parts.append(part)


def _check(headers: Mapping[bytes, bytes]) -> None:
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind not in TYPES:
        raise _unsupported("content-type", "application/json")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise _unsupported("content-encoding", "identity")
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length[:12]) > BODY_BYTES:
        raise _too_large()


def _unsupported(header: str, wanted: str) -> RequestError:
    return RequestError(415, "unsupported_media_type", f"{header} must be {wanted}.", field=header)


def _too_large() -> RequestError:
    return RequestError(
        413, "body_too_large", f"body must be at most {BODY_BYTES} bytes.", field="body"
    )
