"""Gets a small JSON document from an issuer: https, no redirect, bounded in size and time."""

from __future__ import annotations

import ipaddress
import ssl
from urllib.parse import urlsplit

import aiohttp

from components.contract.errors import InputError, TamisError

MAX_DOCUMENT_BYTES = 2**18
"""Discovery documents have 5 kB, the largest key sets 50 kB."""
TIMEOUT_S = 5.0
"""An issuer that takes longer is as good as down; a request with a new key waits for this."""


class FetchError(TamisError):
    """A document of an issuer couldn't be had."""


def check_url(url: str, what: str) -> None:
    """Refuse a URL over which keys could be swapped on their way.

    Args:
        url: `https://…`, or `http://` to this machine itself.
        what: What it is the address of, for the message.

    Raises:
        InputError: `bad_url`.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InputError("bad_url", f"The address of {what} is no URL: {url[:200]!r}.") from None
    del port
    if parts.username is not None or parts.fragment or not host:
        raise InputError("bad_url", f"The address of {what} can't be {url[:200]!r}.")
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)):
        return
    raise InputError("bad_url", f"The address of {what} must be https, not {url[:200]!r}.")


def is_loopback(host: str) -> bool:
    """Whether a host name is this machine's own address, without asking a name server."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def fetch(url: str, tls: ssl.SSLContext | None, timeout_s: float = TIMEOUT_S) -> bytes:
    """The document at a URL.

    Args:
        url: Where; see `check_url`.
        tls: Client context; None takes the system's authorities.
        timeout_s: Longest wait for all of it, in seconds.

    Returns:
        Its bytes.

    Raises:
        InputError: `bad_url`.
        FetchError: `unreachable`, `wrong_status` (a redirect, too) or `too_large`.
    """
    check_url(url, "an issuer's document")
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=tls or True),
                timeout=timeout,
                auto_decompress=False,  # what is bounded is what arrives
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"accept": "application/json", "accept-encoding": "identity"},
            ) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise FetchError("wrong_status", f"{url!r} answers {answer.status}.")
            data = bytearray()
            async for chunk in answer.content.iter_any():
                data += chunk
                if len(data) > MAX_DOCUMENT_BYTES:
                    raise FetchError("too_large", f"{url!r} sends too much.")
            return bytes(data)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise FetchError("unreachable", f"{url!r} can't be had: {type(error).__name__}.") from error
