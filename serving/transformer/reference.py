"""Fetching what drift is measured against: the predictor hands out its bundle's reference."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from components.contract import logs
from components.contract.artifact import storage_error
from components.contract.errors import TamisError

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""Between attempts: the predictor may be restarting, or may not have a reference at all."""

Fetch = Callable[[], Awaitable[tuple[str, bytes]]]
"""Gives the digest of the bundle in service and its reference."""


class ReferenceKeeper:
    """Hands each new bundle's reference to whoever watches, away from the request path.

    Args:
        fetch: Asks the predictor.
        folder: Where the newest reference is kept as a file.
        watch: Told of each new bundle: its digest and the file.
    """

    def __init__(self, fetch: Fetch, folder: Path, watch: Callable[[str, Path], None]) -> None:
        self._fetch, self._folder, self._watch = fetch, folder, watch
        self._wanted = ""
        self._task: asyncio.Task[None] | None = None

    def served(self, digest: str) -> None:
        """Say which bundle answers now; inside the running loop.

        Args:
            digest: Its digest.
        """
        if digest != self._wanted:
            self._wanted = digest
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop asking."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _follow(self) -> None:
        pause, done = FIRST_PAUSE_S, ""
        while done != self._wanted:
            try:
                digest, content = await self._fetch()
                file = await asyncio.to_thread(self._write, digest, content)
                self._watch(digest, file)
                done, self._wanted = digest, digest
            except TamisError as error:
                logs.event("no_drift_reference", code=error.code, message=error.message)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)

    def _write(self, digest: str, content: bytes) -> Path:
        file = self._folder / f"{digest[:16]}.safetensors"
        try:
            file.write_bytes(content)
        except OSError as error:
            raise storage_error(error, file) from error
        for other in self._folder.glob("*.safetensors"):
            if other != file:
                other.unlink(missing_ok=True)
        return file
