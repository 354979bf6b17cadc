"""KServe's model server, with its listener replaced.

KServe's own listens on every interface, speaks no TLS, logs each request twice, runs without
uvloop, calls itself ready until it is gone and closes its socket on SIGTERM at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import ssl
from collections.abc import Sequence
from typing import Any

import uvicorn
import uvloop
from kserve import ModelServer
from kserve.model import BaseKServeModel
from kserve.protocol.dataplane import DataPlane
from starlette.routing import Route, Router

from components.contract import logs
from serving.lifecycle import DrainingServer, SideServer, port_of
from serving.predictor.body import Bodies
from serving.predictor.engine import Engine
from serving.predictor.metrics import PredictorMetrics
from serving.predictor.reload import Reloader
from serving.predictor.scoring_endpoint import V1, V2, ScoringEndpoint, Wire
from serving.predictor.served import Served
from serving.predictor.settings import PredictorSettings
from serving.predictor.status_endpoints import VERSION, StatusEndpoints, metrics_route, no_such_path

KEEP_ALIVE_S = 65
"""Longer than the 60 s of usual proxies, so that they end idle connections rather than we."""


class Plane(DataPlane):  # type: ignore[misc]
    """KServe's data plane, telling the truth about health.

    Args:
        server: The server.
    """

    def __init__(self, server: PredictorServer) -> None:
        super().__init__(server.registered_models)
        self._server = server

    async def live(self) -> dict[str, str]:
        """`alive` while there are threads to score."""
        return {"status": "alive" if self._server.engine.alive else "dead"}

    async def ready(self) -> bool:
        """Whether requests should be sent here."""
        return self._server.ready

    async def model_ready(self, model_name: str, _: bool = False) -> bool:
        """Whether requests for one model should be sent here."""
        return bool(await super().model_ready(model_name)) and self._server.ready


class PredictorServer(ModelServer):  # type: ignore[misc]
    """Serves one model until it is told to stop.

    Args:
        settings: How.
        engine: What scores.
        reloader: What follows the source.
        metrics: Where to count.
        tls: The server's context; None for HTTP.
        listener: The bound socket for requests.
        side: The bound socket for metrics and health; None serves them beside requests.
    """

    def __init__(
        self,
        settings: PredictorSettings,
        engine: Engine,
        reloader: Reloader,
        metrics: PredictorMetrics,
        tls: ssl.SSLContext | None,
        listener: socket.socket,
        side: socket.socket | None,
    ) -> None:
        super().__init__(workers=1, enable_grpc=False, enable_latency_logging=False)
        self._settings, self.engine = settings, engine
        self._reloader, self._metrics = reloader, metrics
        self._sockets, self._side_sockets = [listener], [side] if side else []
        self.dataplane = Plane(self)
        status = StatusEndpoints(self.dataplane)
        shown = metrics_route(metrics.registry)
        routes = self._scoring_routes() + status.routes() + ([] if side else [shown])
        config = _config(
            Router(routes, redirect_slashes=False, default=no_such_path),
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=math.ceil(settings.grace_s),
            ssl_context_factory=(lambda *_: tls) if tls else None,
        )
        self._server = DrainingServer(config, settings.drain_s, self._announce)
        self._side = SideServer(_config(Router([shown, *status.health()], default=no_such_path)))

    @property
    def ready(self) -> bool:
        """Whether requests should be sent here."""
        return self._server.started and not self._server.draining and self.engine.alive

    def start(self, models: Sequence[BaseKServeModel]) -> None:
        """Serve until a signal says to stop, and answer what is under way.

        Args:
            models: The models; KServe refuses to start unless one is ready.
        """
        self._register_and_check_atleast_one_model_is_ready(list(models))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    def _scoring_routes(self) -> list[Route]:
        bodies = Bodies()

        def endpoint(wire: Wire) -> ScoringEndpoint:
            return ScoringEndpoint(
                wire,
                self.registered_models,
                bodies,
                self._metrics,
                self._settings.deadline_s,
                lambda: self._server.draining,
            )

        v1, v2, post = endpoint(V1), endpoint(V2), ["POST"]
        return [
            Route("/v2/models/{name}/infer", v2, methods=post),
            Route("/v1/models/{name}:predict", v1, methods=post),
            Route(f"{VERSION}/infer", v2, methods=post),
        ]

    async def _serve(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self.engine)
            await stack.enter_async_context(
                self._reloader.following(lambda: self.engine.served, self._swap)
            )
            if self._side_sockets:
                await stack.enter_async_context(self._side.beside(self._side_sockets))
            await self._server.serve(self._sockets)
        logs.event("stopped")

    def _swap(self, served: Served) -> None:
        self.engine.swap(served)
        self._metrics.serves(self._settings.served_name, served)

    def _announce(self) -> None:
        served = self.engine.served
        logs.event(
            "ready",
            model=self._settings.served_name,
            version=served.version,
            bundle_digest=served.digest,
            architecture=served.architecture,
            host=self._settings.host,
            port=port_of(self._sockets[0]),
            metrics_port=port_of((self._side_sockets or self._sockets)[0]),
        )


def _config(app: Router, **options: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        **options,
    )
