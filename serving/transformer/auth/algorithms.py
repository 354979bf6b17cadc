"""The signature algorithms that may be allowed, each bound to one type of key.

HMAC is not among them: a verifier that takes HS256 beside RS256 can be told to use a public key as
the secret. Nor is `none` (RFC 8725, sections 2.1 and 3.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry


@dataclass(frozen=True)
class Algorithm:
    """A JWS algorithm.

    Attributes:
        name: `alg` (RFC 7518, section 3.1; RFC 8037; RFC 9864).
        key_type: `kty` of its keys.
        curve: `crv` of its keys; empty where keys have none.
    """

    name: str
    key_type: str
    curve: str = ""

    def verifies(self, message: bytes, signature: bytes, key: Key) -> bool:
        """Whether a signature over a message was made by a key's owner.

        Args:
            message: The JWS signing input.
            signature: The decoded third part.
            key: A public key of this algorithm's type and curve.

        Returns:
            True only for a valid signature.
        """
        try:
            return JWSRegistry.algorithms[self.name].verify(message, signature, key)
        except (JoseError, ValueError):  # a signature that isn't even an encoding of one
            return False


ALGORITHMS: Mapping[str, Algorithm] = MappingProxyType(
    {
        algorithm.name: algorithm
        for algorithm in (
            Algorithm("RS256", "RSA"),
            Algorithm("ES256", "EC", "P-256"),
            Algorithm("EdDSA", "OKP", "Ed25519"),
            Algorithm("Ed25519", "OKP", "Ed25519"),  # EdDSA's name since RFC 9864
        )
    }
)

DEFAULT_ALGORITHMS = ("RS256", "ES256", "EdDSA")
