"""Follows the source: a newer model is opened and checked beside the old one, then swapped in."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from components.contract import logs
from components.contract.errors import InputError, IntegrityError, TamisError
from serving.predictor.limits import BACKOFF_S
from serving.predictor.metrics import PredictorMetrics
from serving.predictor.served import Served, open_served
from serving.predictor.settings import BatchSettings
from serving.predictor.source import Release, Source


async def load(source: Source, release: Release, settings: BatchSettings) -> Served:
    """Open a release; a local copy that proves bad is fetched once more.

    Args:
        source: Where it comes from.
        release: The release.
        settings: What was set for batches.

    Returns:
        The model, checked and ready to score.

    Raises:
        TamisError: When it can't be had or isn't sound.
    """
    path = await source.fetch(release)
    opened = (release.version, release.digest, settings)
    try:
        return await asyncio.to_thread(open_served, path, *opened)
    except (InputError, IntegrityError):
        repaired = await source.repair(release)
        if repaired is None:
            raise
        return await asyncio.to_thread(open_served, repaired, *opened)


class Reloader:
    """Looks for a newer model every few seconds; whatever fails, the old one goes on serving.

    Args:
        source: Where models come from.
        settings: What was set for batches.
        every_s: Seconds between looks; 0 for none.
        metrics: Where to count.
    """

    def __init__(
        self, source: Source, settings: BatchSettings, every_s: float, metrics: PredictorMetrics
    ) -> None:
        self._source, self._settings = source, settings
        self._every_s, self._metrics = every_s, metrics
        self._refused: tuple[Release | None, float] = (None, 0.0)
        self._failures = 0

    @contextlib.asynccontextmanager
    async def following(
        self, served: Callable[[], Served], swap: Callable[[Served], None]
    ) -> AsyncIterator[None]:
        """Follow the source while the block runs.

        Args:
            served: The model in service.
            swap: Puts another one into service.

        Yields:
            Nothing.
        """
        if not self._every_s:
            yield
            return
        task = asyncio.create_task(self._follow(served, swap))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def look(self, served: Served) -> Served | None:
        """Look once.

        Args:
            served: The model in service.

        Returns:
            A newer model; None when there is none, or none that can be served.
        """
        try:
            release = await self._source.newest()
            if release.digest == served.digest and release.version in ("", served.version):
                self._failures = 0
                self._metrics.fresh()
                return None
            refused, until = self._refused
            if release == refused and time.monotonic() < until:
                return None
            return await self._load(release)
        except TamisError as error:
            self._failed(error.code, error.message)
        except Exception as error:  # noqa: BLE001 - a server outlives whatever a new bundle holds
            self._failed("unexpected", repr(error)[:300])
        return None

    async def _load(self, release: Release) -> Served:
        if release != self._refused[0]:
            self._failures = 0
        pause = min(self._every_s * 2**self._failures, max(BACKOFF_S, self._every_s))
        try:
            newer = await load(self._source, release, self._settings)
        except Exception:
            # The same bytes fail again: fetch them less and less often, but look as often as ever.
            self._failures = min(self._failures + 1, 16)
            self._refused = (release, time.monotonic() + pause)
            raise
        self._failures = 0
        return newer

    async def _follow(self, served: Callable[[], Served], swap: Callable[[Served], None]) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            newer = await self.look(served())
            if newer is not None:
                swap(newer)
                logs.event("reloaded", version=newer.version, bundle_digest=newer.digest)

    def _failed(self, code: str, message: str) -> None:
        self._metrics.reload_failed(code)
        logs.event("reload_failed", code=code, message=message)
