"""Finds an issuer's key set: OpenID Connect Discovery, or RFC 8414 where there is none."""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit, urlunsplit

from components.contract.errors import IntegrityError, TamisError
from serving.transformer.auth.fetch import check_url, fetch
from serving.transformer.auth.strict_json import NotStrictError, parse_object

OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"


def metadata_urls(issuer: str) -> tuple[str, str]:
    """Where an issuer's metadata may be.

    Args:
        issuer: Its identifier, a URL without query and fragment.

    Returns:
        OpenID's place (appended to the path) and RFC 8414's (put before the path).
    """
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    openid = urlunsplit((parts.scheme, parts.netloc, path + OPENID, "", ""))
    oauth = urlunsplit((parts.scheme, parts.netloc, OAUTH + path, "", ""))
    return openid, oauth


async def find_key_set(issuer: str, tls: ssl.SSLContext | None) -> str:
    """The URL of an issuer's key set.

    Args:
        issuer: Its identifier.
        tls: Client context; None takes the system's authorities.

    Returns:
        `jwks_uri`, which may be on another host but not on a less secure one.

    Raises:
        TamisError: When neither document can be had (`unreachable`, `wrong_status`, `too_large`,
            `bad_url`), or what is there isn't this issuer's metadata (`bad_metadata`).
    """
    openid, oauth = metadata_urls(issuer)
    try:
        return _key_set_url(await fetch(openid, tls), issuer)
    except TamisError as first:
        try:
            return _key_set_url(await fetch(oauth, tls), issuer)
        except TamisError:
            raise first from None


def _key_set_url(data: bytes, issuer: str) -> str:
    try:
        document = parse_object(data)
    except NotStrictError as error:
        raise _bad(issuer, f"is not a JSON object that can be used ({error.reason})") from error
    if document.get("issuer") != issuer:  # OpenID Connect Discovery, section 4.3
        raise _bad(issuer, f"says it is of {str(document.get('issuer'))[:200]!r}")
    url = document.get("jwks_uri")
    if not isinstance(url, str):
        raise _bad(issuer, "names no `jwks_uri`")
    check_url(url, "a key set")
    if issuer.startswith("https:") and not url.startswith("https:"):
        raise _bad(issuer, "has its key set on a connection that isn't secure")
    return url


def _bad(issuer: str, trouble: str) -> IntegrityError:
    return IntegrityError("bad_metadata", f"The metadata of {issuer!r} {trouble}.")
