"""The trigger as a process: alerts on one port, metrics on another, runs in a thread."""

from __future__ import annotations

import contextlib
import logging
import signal
from collections.abc import Callable, Iterator

import uvicorn
from prometheus_client import CollectorRegistry, start_http_server
from starlette.types import ASGIApp

from components.contract import logs
from components.contract.errors import InputError

KEEP_ALIVE_S = 65
CONCURRENCY = 64
"""Requests at once; Alertmanager sends one a group."""
GRACE_S = 10
BACKLOG = 128


class _Server(uvicorn.Server):
    """Says when it listens, and returns after a signal.

    Stock uvicorn raises the signal again once it has stopped, which would end the process before
    the run under way is put down properly.
    """

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = started

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM while the block runs."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Begin to accept requests."""
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            self._on_started()


def serve(
    app: ASGIApp,
    metrics: CollectorRegistry,
    address: tuple[str, int],
    metrics_port: int | None,
    started: Callable[[], None],
) -> None:
    """Serve until a signal says to stop.

    Args:
        app: The application.
        metrics: What the metrics' port shows.
        address: Host and port to listen at.
        metrics_port: Port for metrics alone; None for none.
        started: Called once requests are accepted.

    Raises:
        InputError: `bad_address`.
    """
    logging.getLogger().handlers[:] = logs.LOGGER.handlers
    host, port = address
    config = uvicorn.Config(
        app,
        host,
        port,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        limit_concurrency=CONCURRENCY,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    try:
        listener = config.bind_socket()
    except SystemExit:  # uvicorn's way of saying that the address is taken
        raise InputError(
            "bad_address", f"{host}:{port} can't be listened at.", "Take another."
        ) from None
    try:
        if metrics_port is None:
            _Server(config, started).run([listener])
            return
        try:
            side, thread = start_http_server(metrics_port, host, metrics)
        except OSError as error:
            raise InputError(
                "bad_address", f"{host}:{metrics_port} can't be listened at: {error.strerror}."
            ) from error
        try:
            _Server(config, started).run([listener])
        finally:
            side.shutdown()
            side.server_close()
            thread.join()
    finally:
        listener.close()
