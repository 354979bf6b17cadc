"""An issuer's keys by its address: found, kept, renewed in the background."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from components.contract import logs
from components.contract.errors import TamisError
from components.contract.settings import require
from serving.transformer.auth.discovery import find_key_set
from serving.transformer.auth.fetch import check_url, fetch
from serving.transformer.auth.keys import PublicKeys, parse_key_set


@dataclass(frozen=True)
class RemoteKeySettings:
    """How an issuer's keys are got.

    Attributes:
        issuer: The issuer's identifier, an https URL (http for this machine only).
        jwks_uri: Address of its key set; empty finds it by discovery.
        refresh_s: Seconds between looks.
        retry_s: Seconds until the next look after one that failed.
        unknown_key_s: Least seconds between two looks that tokens with unknown keys cause.
    """

    issuer: str
    jwks_uri: str = ""
    refresh_s: float = 600.0
    retry_s: float = 30.0
    unknown_key_s: float = 10.0

    def check(self) -> None:
        """Refuse addresses over which keys could be swapped.

        Raises:
            InputError: `bad_url` or `bad_parameter`.
        """
        check_url(self.issuer, "the issuer")
        if self.jwks_uri:
            check_url(self.jwks_uri, "the key set")
        for name in ("refresh_s", "retry_s", "unknown_key_s"):
            require(getattr(self, name) > 0, name, "must be positive")


class RemoteKeys:
    """Keys of an issuer somewhere else.

    The old keys stay while the issuer is down or answers junk: who can cut this service off from
    the issuer should not be able to stop it. A key that the issuer withdraws is dropped at the next
    look that succeeds.

    Args:
        settings: How.
        tls: Client context; None takes the system's authorities.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        settings: RemoteKeySettings,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        settings.check()
        self._settings, self._tls, self._clock = settings, tls, clock
        self._keys: PublicKeys | None = None
        self._look: asyncio.Task[bool] | None = None
        self._looked = -float("inf")
        self._loop: asyncio.Task[None] | None = None

    def current(self) -> PublicKeys | None:
        """The keys of the last look that succeeded."""
        return self._keys

    async def refetch(self) -> PublicKeys | None:
        """Look now, unless that was just done; requests that ask at once share one look."""
        if self._look is None and self._clock() - self._looked < self._settings.unknown_key_s:
            return self._keys
        await self._look_once()
        return self._keys

    async def start(self) -> None:
        """Look for the first time; an issuer that is down is looked for again later."""
        await self._look_once()
        if self._loop is None:
            self._loop = asyncio.create_task(self._keep_looking())

    async def close(self) -> None:
        """Stop looking."""
        for task in (self._loop, self._look):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        self._loop = self._look = None

    async def _keep_looking(self) -> None:
        fresh = self._keys is not None
        while True:
            await asyncio.sleep(self._settings.refresh_s if fresh else self._settings.retry_s)
            fresh = await self._look_once()

    async def _look_once(self) -> bool:
        if self._look is None:
            self._look = asyncio.create_task(self._fetch())
        # A client that hangs up must not take the look away from the others.
        return await asyncio.shield(self._look)

    async def _fetch(self) -> bool:
        try:
            url = self._settings.jwks_uri or await find_key_set(self._settings.issuer, self._tls)
            keys = parse_key_set(await fetch(url, self._tls), repr(url))
        except TamisError as error:
            held = 0 if self._keys is None else len(self._keys)
            logs.event("keys_kept", keys=held, code=error.code, message=error.message)
            return False
        else:
            if self._keys is None or keys.digest != self._keys.digest:
                self._keys = keys
                logs.event("keys_changed", keys=len(keys), issuer=self._settings.issuer)
            return True
        finally:
            self._looked = self._clock()
            self._look = None
