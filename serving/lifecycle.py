"""How a server starts and ends: bound, ready, draining, stopped; the same for both services.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination-flow
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from types import FrameType

import uvicorn

from components.contract import logs
from components.contract.errors import InputError
from serving.last_connections import turn_away

LAST_TURNS, LAST_TURN_S = 5, 0.02
"""Turns of the loop, and seconds between them, in which connections that were made before the
socket takes no more are accepted and their requests read: uvicorn ends those that have not asked.
"""


class DrainingServer(uvicorn.Server):
    """A server that on SIGTERM goes on answering for a while, as not ready, and then stops.

    Stock uvicorn closes its socket at once, while requests are still being sent to it.

    Args:
        config: The server's configuration; its `timeout_graceful_shutdown` bounds how long
            requests under way may take once the socket is closed.
        drain_s: Seconds between SIGTERM and closing the socket. A second signal cuts them short.
        started: Called once requests are accepted.
    """

    def __init__(self, config: uvicorn.Config, drain_s: float, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._drain_s, self._on_started = drain_s, started
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether the server is on its way out: readiness is over, answers close connections."""
        return self._draining

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain; a second signal stops, a later interrupt forgets what is under way.

        Args:
            sig: The signal.
            frame: Unused.
        """
        if not self._draining:
            self._draining = True
            logs.event("draining", signal=signal.Signals(sig).name, seconds=self._drain_s)
            return
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept requests."""
        await super().startup(sockets)
        self._on_started()

    async def on_tick(self, counter: int) -> bool:
        """Uvicorn's heartbeat, ten times a second; returns whether to stop."""
        if self._draining and not self.should_exit:
            await self._drain()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the socket and answer what is under way, or has connected and is about to ask."""
        for listener in sockets or ():
            turn_away(listener)
        for _ in range(LAST_TURNS):
            await asyncio.sleep(LAST_TURN_S)
        await super().shutdown(sockets)

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._drain_s
        while loop.time() < end and not self.should_exit:
            await asyncio.sleep(0.05)
        self.should_exit = True


class SideServer(uvicorn.Server):
    """A server beside another in the same loop, e.g. for metrics; it takes no signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the main server."""
        yield

    @contextlib.asynccontextmanager
    async def beside(self, sockets: list[socket.socket]) -> AsyncIterator[None]:
        """Serve while the block runs."""
        task = asyncio.create_task(self.serve(sockets))
        try:
            yield
        finally:
            self.should_exit = True
            await task


def bind(host: str, port: int) -> socket.socket:
    """Take an address; nobody can connect until a server listens on it.

    Args:
        host: Name or address.
        port: Port; 0 takes a free one.

    Returns:
        The socket.

    Raises:
        InputError: `bad_address` when it is taken or not this machine's.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise _bad_address(host, port, error) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _bad_address(host, port, error) from error
    return listener


def port_of(listener: socket.socket) -> int:
    """The port that a bound socket has."""
    return int(listener.getsockname()[1])


def _bad_address(host: str, port: int, error: OSError) -> InputError:
    return InputError(
        "bad_address", f"{host}:{port} can't be listened at: {error.strerror}.", "Take another."
    )
