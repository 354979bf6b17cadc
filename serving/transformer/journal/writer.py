"""Group commit: all that waits goes into one transaction, then all are woken.

While a transaction is under way the next callers gather, so that the busier the service is, the
more rows share a commit; a lone caller never waits for others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from components.contract import logs
from serving.transformer.journal.entry import Entry, FeedbackResult, Outcome
from serving.transformer.journal.errors import OverloadError, UnavailableError

ROWS_AT_ONCE = 2_048
"""Rows in one transaction: about 60 ms, the longest that the last of them waits for the first."""
WAITING_CHARACTERS = 64 * 2**20
"""Text that may wait: rows alone don't bound memory when each may be a megabyte."""

Commit = Callable[[Sequence[Entry]], Awaitable[Sequence[Outcome]]]


@dataclass(frozen=True)
class _Waiting:
    entry: Entry
    future: asyncio.Future[FeedbackResult | None]


class GroupCommitWriter:
    """A bounded queue and the task that empties it; for one event loop.

    Args:
        commit: Writes entries, durably; returns what became of each.
        waiting_rows: Rows that may wait.
    """

    def __init__(self, commit: Commit, waiting_rows: int) -> None:
        self._commit, self._limit = commit, waiting_rows
        self._queue: deque[_Waiting] = deque()
        self._rows = self._characters = 0
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting_rows(self) -> int:
        """Rows that wait now."""
        return self._rows

    async def submit(self, entry: Entry) -> FeedbackResult | None:
        """Wait until an entry is durable.

        Args:
            entry: What to write.

        Returns:
            What became of it.

        Raises:
            OverloadError: `journal_full`, at once.
            UnavailableError: `journal_unavailable` after `close`.
            TamisError: What `commit` returned for it.
        """
        if self._closing:
            raise UnavailableError("journal_unavailable", "The journal has been closed.")
        rows, characters = entry.rows, entry.characters
        # An entry larger than the whole limit is let through when nothing waits.
        if self._queue and (
            self._rows + rows > self._limit or self._characters + characters > WAITING_CHARACTERS
        ):
            raise OverloadError(
                "journal_full", f"{self._rows} predictions wait for the journal already."
            )
        future: asyncio.Future[FeedbackResult | None] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(entry, future))
        self._rows += rows
        self._characters += characters
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await future

    async def close(self) -> None:
        """Take nothing more, and return when what waits is written."""
        self._closing = True
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        try:
            while self._queue:
                batch = self._take()
                try:
                    outcomes = await self._commit([waiting.entry for waiting in batch])
                except Exception as error:  # noqa: BLE001 - a bug fails its callers, not the next
                    logs.LOGGER.exception("journal_failed")
                    outcomes = [error] * len(batch)
                for waiting, outcome in zip(batch, outcomes, strict=True):
                    _settle(waiting.future, outcome)
        finally:
            self._task = None

    def _take(self) -> list[_Waiting]:
        """Up to `ROWS_AT_ONCE` rows' entries, one at least."""
        batch: list[_Waiting] = []
        rows = 0
        while self._queue and (not batch or rows + self._queue[0].entry.rows <= ROWS_AT_ONCE):
            waiting = self._queue.popleft()
            batch.append(waiting)
            rows += waiting.entry.rows
            self._characters -= waiting.entry.characters
        self._rows -= rows
        return batch


def _settle(future: asyncio.Future[FeedbackResult | None], outcome: Outcome) -> None:
    if future.done():  # its caller was cancelled meanwhile
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
