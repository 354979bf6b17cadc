"""AES-256-GCM under keys derived for one journal from its master keys.

AES-GCM: NIST SP 800-38D, https://doi.org/10.6028/NIST.SP.800-38D; derivation: HKDF-SHA256,
https://www.rfc-editor.org/rfc/rfc5869, salted with the journal's own random id, so that two
journals under one master key share neither nonces nor records.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from components.contract.errors import IntegrityError
from serving.transformer.journal.keyring import KEY_BYTES, KeyRing

NONCE_BYTES = 12
"""96 random bits, SP 800-38D section 8.2.2."""
SEALS_PER_KEY = 2**32
"""Most encryptions with random nonces under one key (SP 800-38D section 8.3): beyond it, two
equal nonces are likelier than 2^-32, and they would give away both texts."""
PSEUDONYM_BYTES = 16
"""Of an HMAC-SHA256: 128 bits, so that two subjects never meet by accident."""


class Sealed(NamedTuple):
    """An encrypted value as it is stored.

    Attributes:
        key: The id of the master key.
        nonce: (12,) bytes, random.
        data: Ciphertext and tag, 16 bytes longer than what was sealed.
    """

    key: str
    nonce: bytes
    data: bytes


class Vault:
    """Seals with the active key, opens with any.

    Args:
        ring: The master keys.
        journal: The journal's id, 16 random bytes.
    """

    def __init__(self, ring: KeyRing, journal: bytes) -> None:
        self.active, self.origin = ring.active, ring.origin
        self._ciphers = {
            name: AESGCM(_derive(key, journal, b"records")) for name, key in ring.keys.items()
        }
        self._pseudonyms = {
            name: _derive(key, journal, b"subjects") for name, key in ring.keys.items()
        }
        self._checks = {name: _derive(key, journal, b"check") for name, key in ring.keys.items()}

    @property
    def key_ids(self) -> frozenset[str]:
        """The ids of the keys that can open."""
        return frozenset(self._ciphers)

    def check_value(self, key: str) -> bytes:
        """What tells one master key from another without giving either away, 32 bytes."""
        return self._checks[key]

    def pseudonym(self, subject: str, key: str = "") -> bytes:
        """What a subject is found by, 16 bytes, under a key's id; the active one's by default."""
        name = subject.encode("utf-8", "surrogatepass")
        return hmac.digest(self._pseudonyms[key or self.active], name, "sha256")[:PSEUDONYM_BYTES]

    def seal(self, values: Sequence[tuple[bytes, bytes]]) -> list[Sealed]:
        """Encrypt under the active key, each value with a nonce of its own.

        Args:
            values: (value, associated data) of each.

        Returns:
            What to store, in the same order.
        """
        key, encrypt = self.active, self._ciphers[self.active].encrypt
        noise = os.urandom(NONCE_BYTES * len(values))  # one system call, not one a value
        nonces = (noise[i : i + NONCE_BYTES] for i in range(0, len(noise), NONCE_BYTES))
        return [
            Sealed(key, nonce, encrypt(nonce, value, associated))
            for nonce, (value, associated) in zip(nonces, values, strict=True)
        ]

    def open(self, sealed: Sealed, associated: bytes, record: str) -> bytes:
        """Decrypt and check.

        Args:
            sealed: What was stored.
            associated: The associated data it was sealed with.
            record: The record's id, for the message.

        Returns:
            The value.

        Raises:
            IntegrityError: `record_altered` when value, nonce, key id or associated data are not
                what was stored.
        """
        cipher = self._ciphers.get(sealed.key)
        if cipher is None:  # `Database.open` has seen to it that no other key is in use
            raise altered(record)
        try:
            return cipher.decrypt(sealed.nonce, sealed.data, associated)
        except (InvalidTag, ValueError, TypeError) as error:  # a nonce of another length or type
            raise altered(record) from error


def altered(record: str) -> IntegrityError:
    """What is said of a record that doesn't open."""
    return IntegrityError(
        "record_altered",
        f"The journal's record {record!r} is not what was stored.",
        "Restore the journal from a backup.",
    )


def _derive(key: bytes, journal: bytes, purpose: bytes) -> bytes:
    info = b"tamis journal 1 " + purpose
    return HKDF(SHA256(), KEY_BYTES, salt=journal, info=info).derive(key)
