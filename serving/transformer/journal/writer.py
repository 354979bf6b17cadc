"""Group commit: one thread writes everything that waits in one transaction, then wakes all.

While a transaction is under way the next callers gather, so that the busier the service is, the
more rows share a commit; a lone caller never waits for others.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from components.contract import logs
from serving.transformer.journal.entry import Entry, FeedbackResult
from serving.transformer.journal.errors import OverloadError, UnavailableError

ROWS_AT_ONCE = 2_048
"""Rows in one transaction: about 60 ms, the longest that the last of them waits for the first."""
WAITING_CHARACTERS = 64 * 2**20
"""Text that may wait: rows alone don't bound memory when each may be a megabyte."""

Outcome = FeedbackResult | Exception | None
Commit = Callable[[Sequence[Entry]], Sequence[Outcome]]


@dataclass(frozen=True)
class _Waiting:
    entry: Entry
    future: asyncio.Future[FeedbackResult | None]
    loop: asyncio.AbstractEventLoop


class GroupCommitWriter:
    """A bounded queue and the thread that empties it.

    Args:
        commit: Writes entries, durably; returns what became of each. Called in the thread.
        waiting_rows: Rows that may wait.
    """

    def __init__(self, commit: Commit, waiting_rows: int) -> None:
        self._commit, self._limit = commit, waiting_rows
        self._queue: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._rows = self._characters = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

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
        loop = asyncio.get_running_loop()
        future: asyncio.Future[FeedbackResult | None] = loop.create_future()
        rows, characters = entry.rows, entry.characters
        with self._changed:
            if self._closing:
                raise UnavailableError("journal_unavailable", "The journal has been closed.")
            # An entry larger than the whole limit is let through when nothing waits.
            if self._queue and (
                self._rows + rows > self._limit
                or self._characters + characters > WAITING_CHARACTERS
            ):
                raise OverloadError(
                    "journal_full", f"{self._rows} predictions wait for the journal already."
                )
            self._queue.append(_Waiting(entry, future, loop))
            self._rows += rows
            self._characters += characters
            self._changed.notify()
        return await future

    def close(self) -> None:
        """Write what waits, then end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while batch := self._take():
            try:
                outcomes = self._commit([waiting.entry for waiting in batch])
            except Exception as error:  # noqa: BLE001 - a bug fails its callers, not the thread
                logs.LOGGER.exception("journal_failed")
                outcomes = [error] * len(batch)
            _wake(batch, outcomes)

    def _take(self) -> list[_Waiting]:
        """Up to `ROWS_AT_ONCE` rows' entries; none when closed and empty."""
        with self._changed:
            while not self._queue and not self._closing:
                self._changed.wait()
            batch: list[_Waiting] = []
            rows = 0
            while self._queue and (not batch or rows + self._queue[0].entry.rows <= ROWS_AT_ONCE):
                waiting = self._queue.popleft()
                batch.append(waiting)
                rows += waiting.entry.rows
                self._characters -= waiting.entry.characters
            self._rows -= rows
            return batch


def _wake(batch: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
    """Hand each caller its outcome: one call a loop, not one a caller."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Waiting, Outcome]]] = {}
    for waiting, outcome in zip(batch, outcomes, strict=True):
        by_loop.setdefault(waiting.loop, []).append((waiting, outcome))
    for loop, finished in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, finished)


def _settle(finished: Sequence[tuple[_Waiting, Outcome]]) -> None:
    for waiting, outcome in finished:
        if waiting.future.done():  # its caller was cancelled meanwhile
            continue
        if isinstance(outcome, Exception):
            waiting.future.set_exception(outcome)
        else:
            waiting.future.set_result(outcome)
