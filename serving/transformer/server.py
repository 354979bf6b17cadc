"""Running the application: TLS, draining, and a port of its own for metrics."""

from __future__ import annotations

import asyncio
import signal
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

KEEP_ALIVE_S = 75
"""Longer than load balancers keep idle connections (60 s), so that none closes under a request."""
BACKLOG = 2_048


class DrainingServer(uvicorn.Server):
    """Stops in three steps: not ready, drained, gone.

    On SIGTERM it goes on serving for `drain_s` seconds while its readiness says no, so that
    whoever sends requests has time to look elsewhere; then it takes no more connections, answers
    what is under way, and ends. A second signal ends the waiting.

    Args:
        config: uvicorn's configuration.
        drain_s: Seconds between "not ready" and "no more connections".

    Attributes:
        draining: Whether a signal to stop has come.
    """

    def __init__(self, config: uvicorn.Config, drain_s: float) -> None:
        super().__init__(config)
        self._drain_s = drain_s
        self.draining = False

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Take a signal, inside the loop."""
        waits = not self.draining and self._drain_s > 0
        self.draining = True
        stop = super().handle_exit
        if waits:
            asyncio.get_running_loop().call_later(self._drain_s, stop, sig, frame)
        else:
            stop(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals inside the loop, and don't raise them again at the end."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)


def configure(
    app: Any, host: str, port: int, tls: ssl.SSLContext | None, grace_s: float
) -> uvicorn.Config:
    """Uvicorn's configuration for a service.

    Args:
        app: The ASGI application.
        host: Address to listen on.
        port: Port to listen on.
        tls: Server context; None serves plain HTTP.
        grace_s: Longest wait for requests under way once no more connections are taken.

    Returns:
        The configuration.
    """
    return uvicorn.Config(
        app,
        host,
        port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        lifespan="on",
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(grace_s),
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )
