"""An issuer's public keys, from a JWK Set, each good for named algorithms only.

https://www.rfc-editor.org/rfc/rfc7517
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

from components.contract.errors import IntegrityError
from serving.transformer.auth.algorithms import ALGORITHMS
from serving.transformer.auth.errors import UnauthenticatedError
from serving.transformer.auth.strict_json import NotStrictError, parse_object

MIN_RSA_BITS = 2_048
"""NIST SP 800-131A and RFC 7518, section 3.3, refuse less."""
MAX_RSA_BITS = 8_192
"""Verifying costs the square of this; nobody publishes more."""
MAX_RSA_EXPONENT_BYTES = 4
"""65537 has three; the longest exponent costs a thousand times as much to verify with."""
MAX_KEYS = 64
"""A rotating issuer shows two or three keys; some tenants show a dozen."""
MAX_KEY_ID_CHARACTERS = 256
"""A thumbprint has 43, some issuers use URLs."""

_MEMBERS = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",)}


@dataclass(frozen=True)
class PublicKey:
    """A key that signatures are checked with.

    Attributes:
        key_id: Its `kid`; None for none.
        algorithms: Names that it may verify.
        jose: The key itself.
    """

    key_id: str | None
    algorithms: frozenset[str]
    jose: Key


class PublicKeys:
    """An issuer's keys at one time; never changed, so that it can stand for that time.

    Args:
        keys: The usable ones.
        digest: SHA-256 (hex) of what they were read from.
    """

    def __init__(self, keys: tuple[PublicKey, ...], digest: str) -> None:
        self._keys = keys
        self.digest = digest

    def __len__(self) -> int:
        """How many keys there are."""
        return len(self._keys)

    def find(self, key_id: str | None, algorithm: str) -> PublicKey:
        """The one key that may have signed a token.

        Args:
            key_id: The token's `kid`; None when it names none.
            algorithm: The token's `alg`, one of `ALGORITHMS`.

        Returns:
            A key that is good for that algorithm.

        Raises:
            UnauthenticatedError: `key_id_needed` when no `kid` is named and there are several keys,
                `unknown_key`, or `wrong_key` when the key is for something else.
        """
        if key_id is None and len(self._keys) > 1:
            raise UnauthenticatedError("key_id_needed")
        named = [key for key in self._keys if key_id in (None, key.key_id)]
        if not named:
            raise UnknownKeyError("unknown_key")
        for key in named:
            if algorithm in key.algorithms:
                return key
        raise UnauthenticatedError("wrong_key")


class UnknownKeyError(UnauthenticatedError):
    """No key has the token's `kid`: the issuer may have rotated its keys since."""


def parse_key_set(data: bytes, origin: str) -> PublicKeys:
    """The usable keys of a JWK Set.

    Keys of other types, for encryption, too short, or with private parts are left out, as RFC
    7517, section 5, asks for those that a reader can't use.

    Args:
        data: The document.
        origin: Where it came from, for messages.

    Returns:
        At least one key.

    Raises:
        IntegrityError: `bad_key_set`.
    """
    try:
        document = parse_object(data)
    except NotStrictError as error:
        raise _bad(origin, f"isn't a JSON object that can be used ({error.reason})") from error
    entries = document.get("keys")
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise _bad(origin, f"needs a list `keys` of at most {MAX_KEYS}")
    keys = [key for key in map(_public_key, entries) if key is not None]
    if not keys:
        raise _bad(origin, "holds no usable key")
    claimed = [(key.key_id, name) for key in keys for name in key.algorithms]
    if len(set(claimed)) != len(claimed):
        raise _bad(origin, "gives two keys the same `kid`")
    return PublicKeys(tuple(keys), hashlib.sha256(data).hexdigest())


def key_set_document(keys: list[Mapping[str, Any]]) -> bytes:
    """A JWK Set as bytes, the same for the same keys."""
    return json.dumps({"keys": keys}, sort_keys=True).encode()


def _bad(origin: str, trouble: str) -> IntegrityError:
    return IntegrityError("bad_key_set", f"The key set from {origin} {trouble}.")


def _public_key(entry: Any) -> PublicKey | None:
    if not isinstance(entry, dict) or not _is_for_signatures(entry):
        return None
    key_type, curve, key_id = entry.get("kty"), entry.get("crv", ""), entry.get("kid")
    algorithms = frozenset(
        name
        for name, algorithm in ALGORITHMS.items()
        if (algorithm.key_type, algorithm.curve) == (key_type, curve)
        and entry.get("alg", name) == name
    )
    if not algorithms or not _is_key_id(key_id):
        return None
    members = {name: entry.get(name) for name in _MEMBERS[str(key_type)]}
    if not all(isinstance(value, str) for value in members.values()):
        return None
    try:
        if key_type == "RSA" and not _is_sound_rsa(entry["n"], entry["e"]):
            return None
        jwk: dict[str, Any] = {"kty": key_type, **members} | ({"crv": curve} if curve else {})
        return PublicKey(key_id, algorithms, JWKRegistry.import_key(jwk))
    except (JoseError, ValueError, TypeError):  # a point off its curve, an even exponent, no base64
        return None


def _is_for_signatures(entry: dict[str, Any]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return (
        entry.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and not {"d", "p", "q", "k"} & entry.keys()  # a key whose secret is public proves nothing
    )


def _is_key_id(key_id: Any) -> bool:
    if key_id is None:
        return True
    return isinstance(key_id, str) and 0 < len(key_id) <= MAX_KEY_ID_CHARACTERS


def _is_sound_rsa(modulus: str, exponent: str) -> bool:
    from joserfc.util import urlsafe_b64decode

    bits = int.from_bytes(urlsafe_b64decode(modulus.encode()), "big").bit_length()
    size = len(urlsafe_b64decode(exponent.encode()).lstrip(b"\0"))
    return MIN_RSA_BITS <= bits <= MAX_RSA_BITS and size <= MAX_RSA_EXPONENT_BYTES
