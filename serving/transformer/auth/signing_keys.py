"""The embedded issuer's signing keys: one file, shared by the server and the command line.

RS256, because a token is verified far more often than signed: 0.05 ms a verification against 0.1
for ES256, at 0.3 ms a signature against 0.05.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from components.contract.errors import IntegrityError
from serving.private_files import PrivateDirectory
from serving.transformer.auth.keys import PublicKeys, key_set_document, parse_key_set
from serving.transformer.auth.rules import MAX_LEEWAY_S
from serving.transformer.auth.strict_json import NotStrictError, parse_object

FILE = "keys.json"
ALGORITHM = "RS256"
KEY_BITS = 2_048
ROTATION_S = 86_400.0
"""A key signs for a day: what leaks from a laptop's backup is of no use for long."""
MAX_TOKEN_S = 86_400.0
"""No token lives longer than this, so a key may go when it hasn't signed for as long."""


@dataclass(frozen=True)
class SigningKey:
    """A private key and since when it signs.

    Attributes:
        jwk: The private JWK, with its `kid`.
        created_at: Seconds since 1970.
    """

    jwk: Mapping[str, Any]
    created_at: float

    @property
    def key_id(self) -> str:
        """Its `kid`: RFC 7638's thumbprint."""
        return str(self.jwk["kid"])

    @functools.cached_property
    def jose(self) -> RSAKey:
        """The key, to sign with."""
        return RSAKey.import_key(dict(self.jwk))

    def public(self) -> dict[str, Any]:
        """The public JWK."""
        members = {name: self.jwk[name] for name in ("kty", "n", "e", "kid")}
        return members | {"use": "sig", "alg": ALGORITHM}


@dataclass(frozen=True)
class KeyFile:
    """What the file holds.

    Attributes:
        issuer: The issuer's identifier; the server wrote it when it last started.
        keys: Oldest first; the last one signs.
    """

    issuer: str
    keys: tuple[SigningKey, ...]

    def public(self) -> bytes:
        """The JWK Set for everybody."""
        return key_set_document([key.public() for key in self.keys])


def parse_key_file(data: bytes, origin: str) -> KeyFile:
    """The key file's content.

    Args:
        data: Its bytes.
        origin: Its path, for messages.

    Returns:
        At least one key.

    Raises:
        IntegrityError: `corrupted`.
    """
    try:
        document = parse_object(data)
        keys = tuple(SigningKey(key["jwk"], float(key["created_at"])) for key in document["keys"])
        issuer = document["issuer"]
        sound = isinstance(issuer, str) and bool(keys)
        for key in keys:
            sound = sound and key.jose.is_private and key.key_id == key.jose.thumbprint()
    except (NotStrictError, JoseError, ValueError, KeyError, TypeError) as error:
        raise _corrupted(origin) from error
    if not sound:
        raise _corrupted(origin)
    return KeyFile(issuer, keys)


def public_keys(data: bytes, origin: str) -> PublicKeys:
    """The key file's public half, for verifying."""
    return parse_key_set(parse_key_file(data, origin).public(), origin)


class SigningKeys:
    """Keys that are made when there are none and replaced when they are old.

    Args:
        directory: Where the file is.
        clock: Seconds since 1970.
    """

    def __init__(self, directory: PrivateDirectory, clock: Callable[[], float] = time.time) -> None:
        self.directory, self._clock = directory, clock
        self._seen: tuple[bytes, KeyFile] | None = None

    @property
    def path(self) -> str:
        """The key file's path."""
        return str(self.directory.path / FILE)

    def ensure(self, issuer: str | None = None) -> KeyFile:
        """The keys, the last of which is fresh enough to sign.

        Args:
            issuer: The issuer's identifier; None keeps the one in the file.

        Returns:
            The file's content.

        Raises:
            TamisError: The file is corrupted, open to others, or can't be written.
        """
        found = self._read()
        if found is not None and not self._due(found, issuer):
            return found
        with self.directory.locked():
            found = self._read()  # another process may have been faster
            if found is not None and not self._due(found, issuer):
                return found
            renewed = self._renewed(found, issuer)
            self.directory.replace(FILE, _encode(renewed))
            return renewed

    def _read(self) -> KeyFile | None:
        data = self.directory.read(FILE)
        if data is None:
            return None
        seen = self._seen  # importing private keys takes milliseconds; anybody may ask for the set
        if seen is None or seen[0] != data:
            seen = self._seen = (data, parse_key_file(data, repr(self.path)))
        return seen[1]

    def _due(self, found: KeyFile, issuer: str | None) -> bool:
        age = self._clock() - found.keys[-1].created_at
        return not -MAX_LEEWAY_S <= age < ROTATION_S or issuer not in (None, found.issuer)

    def _renewed(self, found: KeyFile | None, issuer: str | None) -> KeyFile:
        keys = () if found is None else found.keys
        if found is None or self._due(found, found.issuer):
            keys = (*self._still_needed(keys), _new_key(self._clock()))
        return KeyFile(issuer or (found.issuer if found else DEFAULT_ISSUER), keys)

    def _still_needed(self, keys: tuple[SigningKey, ...]) -> tuple[SigningKey, ...]:
        """Keys whose last token may still be alive: a key signs until the next one is made."""
        horizon = self._clock() - MAX_TOKEN_S - MAX_LEEWAY_S
        ends = [following.created_at for following in keys[1:]] + [self._clock()]
        return tuple(key for key, end in zip(keys, ends, strict=False) if end > horizon)


DEFAULT_ISSUER = "http://127.0.0.1:8080"
"""Where `tamis serve` listens unless told otherwise."""


def _new_key(now: float) -> SigningKey:
    key = RSAKey.generate_key(KEY_BITS)
    return SigningKey({**key.as_dict(private=True), "kid": key.thumbprint()}, now)


def _encode(file: KeyFile) -> bytes:
    keys = [{"jwk": dict(key.jwk), "created_at": key.created_at} for key in file.keys]
    return json.dumps({"issuer": file.issuer, "keys": keys}, indent=1).encode()


def _corrupted(origin: str) -> IntegrityError:
    return IntegrityError(
        "corrupted", f"The key file {origin} can't be read.", "Delete it; a new one will be made."
    )
