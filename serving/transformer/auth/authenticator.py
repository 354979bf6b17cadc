"""From a token to its principal: the keys at hand, tokens seen before, one look for a new key."""

from __future__ import annotations

import time
from collections.abc import Callable

from serving.transformer.auth.compact import MAX_TOKEN_BYTES
from serving.transformer.auth.errors import UnauthenticatedError, UnavailableError
from serving.transformer.auth.key_source import KeySource
from serving.transformer.auth.keys import PublicKeys, UnknownKeyError
from serving.transformer.auth.principal import Principal
from serving.transformer.auth.rules import TokenRules
from serving.transformer.auth.tokens import verify
from serving.transformer.auth.verified import VerifiedTokens


class Authenticator:
    """Tells who bears a token.

    Args:
        source: The issuer's keys.
        rules: What a token must say.
        clock: Seconds since 1970.
    """

    def __init__(
        self, source: KeySource, rules: TokenRules, clock: Callable[[], float] = time.time
    ) -> None:
        rules.check()
        self._source, self._rules, self._clock = source, rules, clock
        self._verified = VerifiedTokens()

    async def authenticate(self, token: str) -> Principal:
        """The bearer of a token; it is verified once for each set of keys.

        Args:
            token: As it stood in the Authorization header.

        Returns:
            The principal.

        Raises:
            UnauthenticatedError: The token isn't a valid access token for this service.
            UnavailableError: The issuer's keys were never seen.
        """
        if len(token) > MAX_TOKEN_BYTES:  # before it is hashed
            raise UnauthenticatedError("too_long")
        try:
            encoded = token.encode("ascii")
        except UnicodeEncodeError:
            raise UnauthenticatedError("bad_base64") from None
        keys = self._source.current() or await self._source.refetch()
        if keys is None:
            raise UnavailableError("keys_unavailable")
        principal = self._verified.get(encoded, keys, self._clock())
        return principal or await self._verify(encoded, keys)

    async def _verify(self, token: bytes, keys: PublicKeys) -> Principal:
        try:
            principal = verify(token, keys, self._rules, self._clock())
        except UnknownKeyError:
            fresh = await self._source.refetch()
            if fresh is None or fresh is keys:
                raise
            keys = fresh
            principal = verify(token, keys, self._rules, self._clock())
        self._verified.put(token, principal, keys)
        return principal

    async def start(self) -> None:
        """Get the issuer's keys, and keep them fresh."""
        await self._source.start()

    async def close(self) -> None:
        """Stop keeping them fresh."""
        await self._source.close()

    @property
    def ready(self) -> bool:
        """Whether the issuer's keys have been seen."""
        return self._source.current() is not None
