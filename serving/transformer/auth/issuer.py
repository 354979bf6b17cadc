"""An OAuth 2 issuer for the laptop: client credentials in, RFC 9068 access tokens out.

It lives in the transformer's process so that a first `tamis serve` needs nothing else. In
production an identity provider does this, and the issuer refuses to start.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.contract import logs
from components.contract.settings import require
from serving.private_files import PrivateDirectory
from serving.transformer.auth.access_token import access_token
from serving.transformer.auth.clients import Client, Clients
from serving.transformer.auth.issuer_settings import DEFAULT_AUDIENCE, IssuerSettings
from serving.transformer.auth.key_source import FileKeys
from serving.transformer.auth.roles import NARROWING, VERBS, is_model_name
from serving.transformer.auth.signing_keys import (
    MAX_TOKEN_S,
    SigningKeys,
    public_keys,
)
from serving.transformer.auth.throttle import FREE_FAILURES, Throttle
from serving.transformer.auth.token_endpoint import GRANT_TYPE, GrantError, read_request

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path, not a secret
KEYS_PATH = "/.well-known/jwks.json"
HASHES_AT_ONCE = 2
"""32 MiB and a core each; whoever comes while these are busy waits, then comes again."""
HASH_WAIT_S = 2.0
FAILURES_OF_AN_ADDRESS = 10 * FREE_FAILURES
"""Several clients may share an address; one that tries many names is still slowed down."""


class Issuer:
    """Issues tokens to the clients in its state directory; safe for several threads.

    Args:
        settings: Where its state is, and what its tokens say.
        clock: Seconds since 1970.

    Raises:
        InputError: `issuer_in_production`, `bad_url` or `bad_parameter`.
    """

    def __init__(self, settings: IssuerSettings, clock: Callable[[], float] = time.time) -> None:
        settings.check()
        directory = PrivateDirectory(settings.state)
        self._settings, self._clock = settings, clock
        self._keys = SigningKeys(directory, clock)
        self._clients = Clients(directory)
        self._by_client, self._by_address = Throttle(), Throttle(FAILURES_OF_AN_ADDRESS)
        self._hashes = threading.BoundedSemaphore(HASHES_AT_ONCE)
        self._keys.ensure(settings.url)

    @property
    def settings(self) -> IssuerSettings:
        """What it was made with."""
        return self._settings

    @property
    def clients(self) -> Clients:
        """Its clients, to register more."""
        return self._clients

    def key_source(self) -> FileKeys:
        """Its public keys, for the gate in this process; keys that the CLI makes are seen too."""
        return FileKeys(Path(self._keys.path), public_keys)

    def key_set(self) -> bytes:
        """The JWK Set that anybody may read."""
        return self._keys.ensure().public()

    def metadata(self) -> dict[str, Any]:
        """What discovery answers (RFC 8414, section 2)."""
        url = self._settings.url.rstrip("/")
        return {
            "issuer": self._settings.url,
            "token_endpoint": url + TOKEN_PATH,
            "jwks_uri": url + KEYS_PATH,
            "grant_types_supported": [GRANT_TYPE],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "scopes_supported": list(VERBS),
        }

    def grant(self, authorization: str | None, body: bytes, address: str) -> dict[str, Any]:
        """Answer a token request; takes some 0.1 s of a core.

        Args:
            authorization: Its Authorization header; None for none.
            body: Its form.
            address: Where it comes from.

        Returns:
            The answer (RFC 6749, section 5.1).

        Raises:
            GrantError: No token for this one.
        """
        request = read_request(authorization, body)
        client = self._authenticate(request.client_id, request.secret, address)
        scopes = request.scopes or client.scopes
        if not scopes or not all(client.may_ask_for(scope) for scope in scopes):
            raise GrantError("invalid_scope")
        if request.resource not in ("", self._settings.audience):
            raise GrantError("invalid_target")
        token_s = self._settings.token_s
        scope = " ".join(sorted(scopes))
        key_file = dataclasses.replace(self._keys.ensure(), issuer=self._settings.url)
        return {
            "access_token": access_token(
                key_file, client.client_id, scope, self._settings.audience, token_s, self._clock()
            ),
            "token_type": "Bearer",
            "expires_in": int(token_s),
            "scope": scope,
        }

    def _authenticate(self, client_id: str, secret: str, address: str) -> Client:
        self._check_throttle(client_id, address)
        if not self._hashes.acquire(timeout=HASH_WAIT_S):
            raise GrantError("temporarily_unavailable", 503, 1)
        try:
            self._check_throttle(client_id, address)  # others have failed while this one waited
            client = self._clients.authenticate(client_id, secret)
        finally:
            self._hashes.release()
        if client is None:
            self._by_client.failed((client_id, address))
            self._by_address.failed(address)
            _audit(client_id, address, "invalid_client")
            raise GrantError("invalid_client", 401)
        self._by_client.succeeded((client_id, address))
        _audit(client_id, address, "granted")
        return client

    def _check_throttle(self, client_id: str, address: str) -> None:
        wait = max(self._by_client.wait_s((client_id, address)), self._by_address.wait_s(address))
        if wait:
            _audit(client_id, address, "throttled")
            raise GrantError("temporarily_unavailable", 429, wait)


def development_token(
    state: Path,
    scope: str,
    model: str | None = None,
    ttl_s: float = 3_600.0,
    audience: str = DEFAULT_AUDIENCE,
    subject: str = "developer",
) -> str:
    """A token of the embedded issuer for whoever owns its state directory.

    The server need not run; keys are made when there are none. `iss` is what the server that
    last started on this directory calls itself.

    Args:
        state: The issuer's state directory.
        scope: Scopes, separated by spaces.
        model: The only model that the token is good for; None for every one.
        ttl_s: How long it lives, in seconds.
        audience: `aud`.
        subject: `sub` and `client_id`.

    Returns:
        A compact JWS.

    Raises:
        InputError: `bad_parameter`.
        TamisError: The key file can't be read or written.
    """
    scopes = scope.split()
    require(bool(scopes), "scope", "must name at least one")
    require(0 < ttl_s <= MAX_TOKEN_S, "ttl_s", f"must be between 0 and {MAX_TOKEN_S:.0f}")
    for name in scopes:
        require(name in VERBS, "scope", f"can hold {', '.join(VERBS)}, not {name[:80]!r}")
    if model is not None:
        require(is_model_name(model), "model", f"can't be {model[:80]!r}")
        scopes = [f"{name}{NARROWING}{model}" for name in scopes]
    key_file = SigningKeys(PrivateDirectory(state)).ensure()
    return access_token(key_file, subject, " ".join(scopes), audience, ttl_s, time.time())


def _audit(client_id: str, address: str, outcome: str) -> None:
    known = outcome == "granted"  # what a stranger typed as a name may be a secret
    client = client_id if known else ""
    logs.event("token_request", client=client, address=address, outcome=outcome)
