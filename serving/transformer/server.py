"""Running the application: bound, ready, draining, stopped; metrics on a port of their own."""

from __future__ import annotations

import contextlib
import logging
import math
import ssl
from collections.abc import Callable
from pathlib import Path

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from components.contract import logs
from serving.lifecycle import DrainingServer, SideServer, bind, port_of
from serving.tls import TlsFiles, server_context
from serving.transformer.app import Transformer
from serving.transformer.settings import TransformerSettings

KEEP_ALIVE_S = 65
"""Longer than the 60 s of usual proxies, so that they end idle connections rather than we."""
BACKLOG = 2_048


async def serve(
    settings: TransformerSettings, build: Callable[[Callable[[], bool]], Transformer]
) -> None:
    """Serve until a signal says to stop.

    Args:
        settings: Where to listen, and how long to drain.
        build: Makes the application, told how to ask whether the process is on its way out.

    Raises:
        InputError: `bad_address`, or as `server_context`.
    """
    # What libraries have to say is a line of JSON too: uvicorn's of a request that is no HTTP,
    # asyncio's of a task that nobody waited for.
    logging.getLogger().handlers[:] = logs.LOGGER.handlers
    async with contextlib.AsyncExitStack() as stack:
        listener = stack.enter_context(bind(settings.host, settings.port))
        servers: list[DrainingServer] = []
        transformer = build(lambda: bool(servers and servers[0].draining))
        if settings.metrics_port is not None:
            side = stack.enter_context(bind(settings.host, settings.metrics_port))
            app = Starlette(routes=[Route("/metrics", _exposition(transformer.metrics.registry))])
            await stack.enter_async_context(SideServer(_config(app)).beside([side]))

        def started() -> None:
            logs.event("ready", host=settings.host, port=port_of(listener))

        config = _config(
            transformer.app,
            lifespan="on",
            tls=_tls(settings),
            grace_s=settings.grace_s,
        )
        servers.append(DrainingServer(config, settings.drain_s, started))
        await servers[0].serve([listener])
    logs.event("stopped")


def _tls(settings: TransformerSettings) -> ssl.SSLContext | None:
    tls = settings.tls
    if not tls.cert:
        return None
    authority = Path(tls.client_ca) if tls.client_ca else None
    return server_context(TlsFiles(Path(tls.cert), Path(tls.key), authority))


def _exposition(registry: CollectorRegistry) -> Callable[[Request], Response]:
    def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return metrics


def _config(
    app: ASGIApp, lifespan: str = "off", tls: ssl.SSLContext | None = None, grace_s: float = 1.0
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan=lifespan,  # type: ignore[arg-type]
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=math.ceil(grace_s),
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )
