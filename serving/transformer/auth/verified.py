"""Tokens that have been verified already, so that a busy client pays for one signature only."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from serving.transformer.auth.keys import PublicKeys
from serving.transformer.auth.principal import Principal

CAPACITY = 10_000
"""Distinct tokens in use at once: some 10 MB; a fuller cache drops the one not seen longest."""


class VerifiedTokens:
    """Principals by their token's SHA-256, for one set of keys; for one event loop.

    Args:
        capacity: How many are kept.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._principals: OrderedDict[bytes, Principal] = OrderedDict()
        self._keys: PublicKeys | None = None

    def __len__(self) -> int:
        """How many tokens are remembered."""
        return len(self._principals)

    def get(self, token: bytes, keys: PublicKeys, now: float) -> Principal | None:
        """Whose token this is, if it was verified with these very keys and lives on.

        Args:
            token: As it stood in the Authorization header.
            keys: The keys that are good now.
            now: Seconds since 1970.

        Returns:
            The principal, or None when the token must be verified (again).
        """
        if keys is not self._keys:
            return None
        digest = _digest(token)
        principal = self._principals.get(digest)
        if principal is None:
            return None
        if principal.expires_at <= now:
            del self._principals[digest]
            return None
        self._principals.move_to_end(digest)
        return principal

    def put(self, token: bytes, principal: Principal, keys: PublicKeys) -> None:
        """Remember a token that was verified with these keys; other keys empty the cache."""
        if keys is not self._keys:
            self._principals.clear()
            self._keys = keys
        self._principals[_digest(token)] = principal
        if len(self._principals) > self._capacity:
            self._principals.popitem(last=False)


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
