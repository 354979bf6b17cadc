"""Gets access tokens for a service that calls another (RFC 6749, section 4.4).

authlib writes the request and judges a token's age; aiohttp carries it, as it does all that the
transformer asks others.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import dataclass, field
from urllib.parse import quote

import aiohttp
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749 import OAuth2Token
from authlib.oauth2.rfc6749.parameters import prepare_token_request

from components.contract.errors import IntegrityError, TamisError
from serving.transformer.auth.fetch import FetchError, check_url
from serving.transformer.auth.strict_json import NotStrictError, parse_object

TIMEOUT_S = 10.0
"""Issuers hash a secret first, which takes a second at most."""
MAX_ANSWER_BYTES = 2**16
RENEW_BEFORE_S = 60
"""A token is renewed while it is still good for the longest request and a clock's difference."""


@dataclass(frozen=True)
class ClientSettings:
    """How a service gets its tokens.

    Attributes:
        token_url: The issuer's token endpoint, https (http for this machine only).
        client_id: The service's name there.
        client_secret: Its secret.
        scope: Scopes, separated by spaces.
        resource: The audience wanted (RFC 8707); empty for the issuer's default.
        auth_method: How the secret is sent: `client_secret_basic` or `client_secret_post`.
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""
    resource: str = ""
    auth_method: str = "client_secret_basic"


class GrantRefusedError(TamisError):
    """The issuer gives this client no token."""


class ClientCredentials:
    """Keeps an access token at hand; one request of callers that ask at once.

    Args:
        settings: Whom to ask, for what.
        tls: Client context; None takes the system's authorities.

    Raises:
        InputError: `bad_url`.
    """

    def __init__(self, settings: ClientSettings, tls: ssl.SSLContext | None = None) -> None:
        check_url(settings.token_url, "the token endpoint")
        self._settings, self._tls = settings, tls
        self._token: OAuth2Token | None = None
        self._lock = asyncio.Lock()

    async def access_token(self) -> str:
        """A token that is good for another minute.

        Returns:
            The token, for an `Authorization: Bearer` header.

        Raises:
            GrantRefusedError: `grant_refused`.
            FetchError: `unreachable`.
            IntegrityError: `bad_token_answer`.
        """
        async with self._lock:
            if self._token is None or self._token.is_expired(leeway=RENEW_BEFORE_S) is not False:
                self._token = await self._fetch()
            return str(self._token["access_token"])

    async def _fetch(self) -> OAuth2Token:
        url, headers, body = self._request()
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(ssl=self._tls or True),
                    timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                    auto_decompress=False,
                    cookie_jar=aiohttp.DummyCookieJar(),
                ) as session,
                session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                status, data = answer.status, await answer.content.read(MAX_ANSWER_BYTES)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            message = f"The issuer at {url!r} can't be reached: {type(error).__name__}."
            raise FetchError("unreachable", message) from error
        return self._read(status, data)

    def _request(self) -> tuple[str, dict[str, str], str]:
        settings = self._settings
        client_id, secret = settings.client_id, settings.client_secret
        if settings.auth_method == "client_secret_basic":
            # RFC 6749, section 2.3.1: encoded as in a form before they are joined by a colon.
            client_id, secret = quote(client_id, safe=""), quote(secret, safe="")
        wanted = {"scope": settings.scope, "resource": settings.resource}
        url, headers, body = ClientAuth(client_id, secret, settings.auth_method).prepare(
            "POST",
            settings.token_url,
            {
                "content-type": "application/x-www-form-urlencoded",
                "accept": "application/json",
                "accept-encoding": "identity",
            },
            prepare_token_request("client_credentials", **wanted),
        )
        return str(url), dict(headers), str(body)

    def _read(self, status: int, data: bytes) -> OAuth2Token:
        url = self._settings.token_url
        try:
            document = parse_object(data)
        except NotStrictError as error:
            message = f"The issuer at {url!r} answers {status} with something that isn't JSON."
            raise IntegrityError("bad_token_answer", message) from error
        if status != 200:
            refusal = str(document.get("error"))[:80]
            message = f"The issuer at {url!r} answers {status}, {refusal!r}."
            raise GrantRefusedError("grant_refused", message)
        token, kind, lives = (
            document.get(name) for name in ("access_token", "token_type", "expires_in")
        )
        bearer = isinstance(kind, str) and kind.lower() == "bearer"
        if not isinstance(token, str) or not token or not bearer:
            raise IntegrityError(
                "bad_token_answer", f"The issuer at {url!r} sends no bearer token."
            )
        expires_at = int(time.time()) + (lives if isinstance(lives, int) else 0)
        return OAuth2Token({"access_token": token, "expires_at": expires_at})
