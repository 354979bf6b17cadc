"""A request's body: read in bounded memory and time, JSON or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request

from serving.predictor.errors import RequestError, overloaded
from serving.predictor.limits import BODIES_BYTES, BODY_BYTES, BODY_SECONDS

TYPES = ("application/json", "application/octet-stream", "")


class Bodies:
    """The bodies that are held at once, bounded in bytes together."""

    def __init__(self) -> None:
        self._held = 0

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """Read a body and hold it.

        Args:
            request: The request.

        Yields:
            The body; its bytes count as held until the block ends.

        Raises:
            RequestError: 413, 415, 408, 400 `incomplete_body` or 503 `overloaded`.
        """
        parts: list[bytes] = []
        try:
            await self._fill(parts, request)
            yield parts[0] if len(parts) == 1 else b"".join(parts)
        finally:
            self._held -= sum(map(len, parts))

    async def _fill(self, parts: list[bytes], request: Request) -> None:
        _check_type(request)
        length = request.headers.get("content-length", "0")
        if length.isdecimal() and int(length[:12]) > BODY_BYTES:
            raise _too_large()
        size = 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for part in request.stream():
                    size += len(part)
                    if size > BODY_BYTES:
                        raise _too_large()
                    if self._held + len(part) > BODIES_BYTES:
                        raise overloaded()
                    if part:
                        self._held += len(part)
                        parts.append(part)
        except TimeoutError:
            raise RequestError(408, "body_timeout", "body took too long.", field="body") from None
        except ClientDisconnect:
            raise RequestError(400, "incomplete_body", "body ended early.", field="body") from None


def _check_type(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in TYPES:
        raise RequestError(
            415,
            "unsupported_media_type",
            "content-type must be application/json.",
            field="content-type",
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RequestError(
            415,
            "unsupported_encoding",
            "content-encoding must be identity.",
            field="content-encoding",
        )


def _too_large() -> RequestError:
    return RequestError(
        413, "body_too_large", f"body must be at most {BODY_BYTES} bytes.", field="body"
    )
