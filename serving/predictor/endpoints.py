"""The predictor's HTTP endpoints.

KServe's own leave bodies unchecked, answer some bad ones with 500, let any client unload the model
and cost half a millisecond a request; its data plane answers what is asked of server and model.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import orjson
from kserve.errors import ModelNotFound
from kserve.protocol.dataplane import DataPlane
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from components.contract import logs
from serving.predictor import binary, v1, v2
from serving.predictor.body import Bodies
from serving.predictor.errors import RequestError, bad_request
from serving.predictor.limits import DEADLINE_S, INLINE_BYTES
from serving.predictor.metrics import PredictorMetrics
from serving.predictor.model import TextModel
from serving.predictor.request import ScoreRequest

DEADLINE_HEADERS = ("x-request-timeout-ms", "x-envoy-expected-rq-timeout-ms")
"""Milliseconds that the client will wait. The second is what Envoy adds, and so Istio and Knative:
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter"""


class Endpoints:
    """What is answered at each path.

    Args:
        dataplane: KServe's; it knows the models.
        metrics: Where to count.
        deadline_s: Longest that a request may take, in seconds.
        draining: Whether connections should end with their next answer.
    """

    def __init__(
        self,
        dataplane: DataPlane,
        metrics: PredictorMetrics,
        deadline_s: float,
        draining: Callable[[], bool],
    ) -> None:
        self._dataplane, self._metrics = dataplane, metrics
        self._deadline_s, self._draining = deadline_s, draining
        self._bodies = Bodies()

    async def infer(self, request: Request) -> Response:
        """Open Inference Protocol: `POST /v2/models/{name}/infer`."""
        header = request.headers.get(binary.HEADER)
        try:
            model = self._model(request)
            deadline = self._deadline(request)
            async with self._bodies.read(request) as body:
                asked = await _decoded(lambda: v2.decode(body, header), body)
                answer = await model.predict(asked, deadline)
                content, length = v2.encode(answer, model.name, asked)
        except RequestError as error:
            return self._refused("v2", error)
        self._metrics.answered("v2", "ok")
        if length is None:
            return self._json(content)
        answered = self._json(content)
        answered.headers["content-type"] = "application/octet-stream"
        answered.headers[binary.HEADER] = str(length)
        return answered

    async def predict(self, request: Request) -> Response:
        """KServe's version 1: `POST /v1/models/{name}:predict`."""
        try:
            model = self._model(request)
            deadline = self._deadline(request)
            async with self._bodies.read(request) as body:
                asked = await _decoded(lambda: v1.decode(body), body)
                answer = await model.predict(asked, deadline)
                content = v1.encode(answer, model.name)
        except RequestError as error:
            return self._refused("v1", error)
        self._metrics.answered("v1", "ok")
        return self._json(content)

    async def live(self, _: Request) -> Response:
        """`GET /`, `GET /v2/health/live`: whether the process should be kept."""
        status = await self._dataplane.live()
        alive = status["status"] == "alive"
        return self._document({"live": alive, **status}, 200 if alive else 503)

    async def ready(self, _: Request) -> Response:
        """`GET /v2/health/ready`: whether requests should be sent here."""
        ready = await self._dataplane.ready()
        return self._document({"ready": ready}, 200 if ready else 503)

    async def server(self, _: Request) -> Response:
        """`GET /v2`: what the server is."""
        return self._document({**self._dataplane.metadata(), "extensions": ["binary_tensor_data"]})

    async def models(self, _: Request) -> Response:
        """`GET /v1/models`, `GET /v2/models`: the models' names."""
        return self._document({"models": list(self._dataplane.model_registry.get_models())})

    async def model(self, request: Request) -> Response:
        """`GET /v2/models/{name}`: tensors and version."""
        try:
            model = self._model(request)
        except RequestError as error:
            return self._refused("v2", error)
        return self._document(model.metadata())

    async def model_ready(self, request: Request) -> Response:
        """`GET /v1/models/{name}`, `GET /v2/models/{name}/ready`."""
        name = request.path_params["name"]
        try:
            ready = await self._dataplane.model_ready(name)
        except ModelNotFound:
            return self._refused("v2", _no_model())
        return self._document({"name": name, "ready": ready}, 200 if ready else 503)

    def application(self, registry: CollectorRegistry | None) -> Starlette:
        """The ASGI application.

        Args:
            registry: What `GET /metrics` shows; None leaves it out.

        Returns:
            The application.
        """
        version = "/v2/models/{name}/versions/{version}"
        routes = [
            Route("/v2/models/{name}/infer", self.infer, methods=["POST"]),
            Route("/v1/models/{name}:predict", self.predict, methods=["POST"]),
            Route(f"{version}/infer", self.infer, methods=["POST"]),
            Route("/", self.live),
            Route("/v2/health/live", self.live),
            Route("/v2/health/ready", self.ready),
            Route("/v1/models", self.models),
            Route("/v2/models", self.models),
            Route("/v2", self.server),
            Route("/v1/models/{name}", self.model_ready),
            Route("/v2/models/{name}/ready", self.model_ready),
            Route(f"{version}/ready", self.model_ready),
            Route("/v2/models/{name}", self.model),
            Route(version, self.model),
        ]
        if registry is not None:
            routes.append(Route("/metrics", metrics_endpoint(registry)))
        handlers = {HTTPException: _no_route, Exception: _bug}
        return Starlette(routes=routes, exception_handlers=handlers)

    def _model(self, request: Request) -> TextModel:
        model = self._dataplane.model_registry.get_model(request.path_params["name"])
        if not isinstance(model, TextModel):
            raise _no_model()
        wanted = request.path_params.get("version")
        if wanted is not None and wanted != model.served.version:
            raise RequestError(404, "version_not_found", "This version is not served.")
        return model

    def _deadline(self, request: Request) -> float:
        seconds = self._deadline_s
        for header in DEADLINE_HEADERS:
            told = request.headers.get(header)
            if told is None:
                continue
            if not (told.isascii() and told.isdecimal() and len(told) < 9 and int(told)):
                raise bad_request("bad_header", header, "must be a number of milliseconds.")
            seconds = min(seconds, int(told) / 1000, DEADLINE_S)
        return time.monotonic() + seconds

    def _refused(self, protocol: str, error: RequestError) -> Response:
        self._metrics.answered(protocol, error.code)
        document: dict[str, Any] = {"error": error.message, "code": error.code}
        for name in ("field", "hint", "texts"):
            if value := getattr(error, name):
                document[name] = value
        response = self._document(document, error.status)
        if error.retry_after:
            response.headers["retry-after"] = str(error.retry_after)
        if error.code in ("body_too_large", "body_timeout", "overloaded"):
            response.headers["connection"] = "close"  # the rest of the body is not wanted
        return response

    def _document(self, document: dict[str, Any], status: int = 200) -> Response:
        return self._json(orjson.dumps(document), status)

    def _json(self, content: bytes, status: int = 200) -> Response:
        response = Response(content, status, media_type="application/json")
        if self._draining():
            response.headers["connection"] = "close"  # the next request should go elsewhere
        return response


def metrics_endpoint(registry: CollectorRegistry) -> Callable[[Request], Response]:
    """An endpoint that shows a registry's metrics."""

    def show(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"content-type": content_type})

    return show


async def _decoded(decode: Callable[[], ScoreRequest], body: bytes) -> ScoreRequest:
    return decode() if len(body) <= INLINE_BYTES else await asyncio.to_thread(decode)


def _no_model() -> RequestError:
    return RequestError(404, "model_not_found", "This model is not served.")


async def _no_route(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "bad_request")
    document = {"error": f"{error.detail}.", "code": code}
    return Response(
        orjson.dumps(document), error.status_code, error.headers, media_type="application/json"
    )


async def _bug(_: Request, error: Exception) -> Response:
    logs.LOGGER.error("bug", exc_info=error, extra={"fields": {"code": "internal_error"}})
    document = {"error": "The request could not be answered.", "code": "internal_error"}
    return Response(orjson.dumps(document), 500, media_type="application/json")
