"""The embedded issuer's clients: who they are, what they may ask for, their secrets' hashes."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from components.contract.errors import InputError, IntegrityError
from components.contract.settings import require
from serving.private_files import PrivateDirectory
from serving.transformer.auth.roles import NARROWING
from serving.transformer.auth.strict_json import NotStrictError, parse_object

FILE = "clients.json"
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**15, 8, 1
"""32 MiB and some 0.1 s a guess (RFC 7914; OWASP's table); secrets made here have 256 bits."""
MIN_SECRET_CHARACTERS = 16
"""A secret that its owner chose; shorter ones are guessed at even 0.1 s each."""
MAX_SECRET_CHARACTERS = 256
"""Hashing begins with one pass over the whole secret."""
MAX_CLIENTS = 1_000
"""A laptop's issuer; a company has its own."""

_CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,128}")  # RFC 6749, section 3.3


@dataclass(frozen=True)
class Client:
    """A registered client.

    Attributes:
        client_id: Its name.
        scopes: What it may ask for.
        salt: 16 bytes of its own.
        digest: scrypt of its secret, 32 bytes.
    """

    client_id: str
    scopes: frozenset[str]
    salt: bytes
    digest: bytes

    def has_secret(self, secret: str) -> bool:
        """Whether this is the client's secret, in a time that doesn't depend on how wrong it is."""
        try:
            _scrypt(self.salt).verify(secret.encode(), self.digest)
        except InvalidKey:
            return False
        return True

    def may_ask_for(self, scope: str) -> bool:
        """Whether a scope, or the wider one that it narrows, is among the client's."""
        return scope in self.scopes or scope.partition(NARROWING)[0] in self.scopes


class Clients:
    """The client file.

    Args:
        directory: Where it is.
    """

    def __init__(self, directory: PrivateDirectory) -> None:
        self._directory = directory
        # Somebody who tries names must wait as long as somebody who tries secrets.
        self._nobody = Client("", frozenset(), secrets.token_bytes(16), secrets.token_bytes(32))

    def authenticate(self, client_id: str, secret: str) -> Client | None:
        """The client that a name and a secret belong to.

        Args:
            client_id: The name.
            secret: The secret.

        Returns:
            The client; None when there is no such client or it has another secret.

        Raises:
            IntegrityError: The file is corrupted or open to others.
        """
        if len(secret) > MAX_SECRET_CHARACTERS:
            return None
        client = self._read().get(client_id, self._nobody)
        return client if client.has_secret(secret) else None

    def register(self, client_id: str, scopes: frozenset[str], secret: str = "") -> str:
        """Add a client, or give one a new secret and new scopes.

        Args:
            client_id: Its name.
            scopes: What it may ask for.
            secret: Its secret; empty makes one.

        Returns:
            The secret, which is kept nowhere.

        Raises:
            InputError: `bad_parameter` for a name, scope or secret that can't be.
            TamisError: The file can't be read or written.
        """
        secret = secret or secrets.token_urlsafe(32)
        require(bool(_CLIENT_ID.fullmatch(client_id)), "client_id", f"can't be {client_id[:80]!r}")
        for scope in scopes:
            require(bool(_SCOPE.fullmatch(scope)), "scopes", f"can't hold {scope[:80]!r}")
        length = f"must have {MIN_SECRET_CHARACTERS} to {MAX_SECRET_CHARACTERS} characters"
        fits = MIN_SECRET_CHARACTERS <= len(secret) <= MAX_SECRET_CHARACTERS
        require(fits, "secret", length)
        salt = secrets.token_bytes(16)
        client = Client(client_id, scopes, salt, _scrypt(salt).derive(secret.encode()))
        with self._directory.locked():
            clients = {**self._read(), client_id: client}
            if len(clients) > MAX_CLIENTS:
                raise InputError("too_many_clients", f"There are {MAX_CLIENTS} clients already.")
            self._directory.replace(FILE, _encode(clients))
        return secret

    def _read(self) -> dict[str, Client]:
        data = self._directory.read(FILE)
        if data is None:
            return {}
        try:
            document = parse_object(data)
            return {name: _client(name, entry) for name, entry in document["clients"].items()}
        except (NotStrictError, ValueError, KeyError, TypeError, AttributeError) as error:
            path = str(self._directory.path / FILE)
            hint = "Delete it and register the clients again."
            raise IntegrityError("corrupted", f"{path!r} can't be read.", hint) from error


def _scrypt(salt: bytes) -> Scrypt:
    return Scrypt(salt=salt, length=32, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P)


def _client(name: str, entry: Mapping[str, Any]) -> Client:
    salt, digest = base64.b64decode(entry["salt"]), base64.b64decode(entry["scrypt"])
    if len(salt) < 16 or len(digest) != 32:
        raise ValueError("a short salt or digest")
    return Client(name, frozenset(map(str, entry["scopes"])), salt, digest)


def _encode(clients: Mapping[str, Client]) -> bytes:
    entries = {
        name: {
            "scopes": sorted(client.scopes),
            "salt": base64.b64encode(client.salt).decode(),
            "scrypt": base64.b64encode(client.digest).decode(),
        }
        for name, client in sorted(clients.items())
    }
    return json.dumps({"clients": entries}, indent=1).encode()
