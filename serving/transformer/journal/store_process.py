"""A store in a process of its own.

What a commit takes, encryption and the database's driver above all, then takes no time from the
interpreter that answers requests; and the journal's keys are in no process that a client talks to.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from components.contract import logs
from components.contract.errors import TamisError
from serving.transformer.journal.entry import Entry, Outcome
from serving.transformer.journal.errors import UnavailableError
from serving.transformer.journal.settings import JournalSettings
from serving.transformer.journal.wire import (
    HEAD_BYTES,
    frame,
    length_of,
    pack_entries,
    parse,
    read_frame,
    unpack_error,
    unpack_outcomes,
)

COMMAND = ("-P", "-m", "serving.transformer.journal.store_worker")
ANSWER_S = 60.0
"""Longest commit: a database that is waited for gives up long before. A process that says nothing
for longer is ended, and another takes its place."""
PAUSE_S = 1.0
"""Between two starts."""


class StoreProcess:
    """What `Store` does, in another process that is started again when it is lost.

    Args:
        settings: Where the journal is.
    """

    def __init__(self, settings: JournalSettings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._not_before = 0.0

    @property
    def pid(self) -> int | None:
        """Its process id; None while there is none."""
        return None if self._process is None else self._process.pid

    def open(self) -> None:
        """Start the process and wait until it has opened the journal; blocks until then.

        Raises:
            TamisError: As `Database.open`.
            UnavailableError: `journal_unavailable` when the process ended.
        """
        channel = self._start()
        channel.settimeout(ANSWER_S)
        try:
            with channel.makefile("rb") as reader:
                channel.sendall(frame(asdict(self._settings)))
                refused = read_frame(reader.read)
        except (OSError, EOFError) as error:
            self._end()
            raise _lost() from error
        if refused is not None:
            self._end()
            raise unpack_error(refused)
        channel.setblocking(False)

    async def commit(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        """As `Store.commit`, one call at a time; what a lost process took may have been kept.

        Args:
            entries: What to write.

        Returns:
            What became of each, in their order.
        """
        try:
            if self._socket is None:
                await self._start_again()
            return unpack_outcomes(await self._ask(pack_entries(entries)))
        except (OSError, EOFError) as error:
            self._end()
            logs.event("journal_process_lost", error=type(error).__name__)
            return [_lost()] * len(entries)
        except TamisError as error:  # it couldn't start
            logs.event("journal_failed", code=error.code, message=error.message, hint=error.hint)
            failure = UnavailableError("journal_unavailable", error.message, error.hint)
            return [failure] * len(entries)

    def close(self) -> None:
        """Let it end, and wait for that."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None
        if self._socket is not None:
            with contextlib.suppress(OSError):  # the transport may have closed it
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None
        if self._process is not None:
            try:
                self._process.wait(ANSWER_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _start(self) -> socket.socket:
        self._not_before = time.monotonic() + PAUSE_S
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own
                [sys.executable, *COMMAND], stdin=theirs.fileno(), stdout=subprocess.DEVNULL
            )
        self._socket = ours
        return ours

    async def _start_again(self) -> None:
        if time.monotonic() < self._not_before:
            raise _lost()
        self._start().setblocking(False)
        refused = await self._ask(asdict(self._settings))
        if refused is not None:
            self._end()
            raise unpack_error(refused)
        logs.event("journal_process_started", pid=self.pid)

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()  # it may hang; what it has committed stays
        self.close()

    async def _ask(self, document: Any) -> Any:
        """Send a message and wait for its answer; `OSError` or `EOFError` when there is none."""
        async with asyncio.timeout(ANSWER_S):  # a TimeoutError is an OSError
            if self._streams is None:
                self._streams = await asyncio.open_connection(sock=self._socket)
            reader, writer = self._streams
            writer.write(frame(document))
            length = length_of(await reader.readexactly(HEAD_BYTES))
            return parse(await reader.readexactly(length))


def _lost() -> UnavailableError:
    return UnavailableError("journal_unavailable", "The journal's process has ended.")
