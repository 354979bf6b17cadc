"""What the server says of itself: health, models, metrics."""

from __future__ import annotations

from typing import Any

import orjson
from kserve.errors import ModelNotFound
from kserve.protocol.dataplane import DataPlane
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from serving.predictor.errors import RequestError
from serving.predictor.scoring_endpoint import find_model, refusal

VERSION = "/v2/models/{name}/versions/{version}"


class StatusEndpoints:
    """Health and metadata from KServe's data plane.

    Args:
        dataplane: KServe's; it knows the models and whether they are ready.
    """

    def __init__(self, dataplane: DataPlane) -> None:
        self._dataplane = dataplane

    def routes(self) -> list[Route]:
        """Every path that is only read."""
        return [
            *self.health(),
            Route("/", self.live),
            Route("/v1/models", self.models),
            Route("/v2/models", self.models),
            Route("/v2", self.server),
            Route("/v1/models/{name}", self.model_ready),
            Route("/v2/models/{name}/ready", self.model_ready),
            Route(f"{VERSION}/ready", self.model_ready),
            Route("/v2/models/{name}", self.model),
            Route(VERSION, self.model),
            Route("/v2/models/{name}/reference", self.reference),
        ]

    def health(self) -> list[Route]:
        """The paths that probes ask."""
        return [Route("/v2/health/live", self.live), Route("/v2/health/ready", self.ready)]

    async def live(self, _: Request) -> Response:
        """Whether the process should be kept."""
        status = await self._dataplane.live()
        alive = status["status"] == "alive"
        return _document({"live": alive, **status}, 200 if alive else 503)

    async def ready(self, _: Request) -> Response:
        """Whether requests should be sent here."""
        ready = await self._dataplane.ready()
        return _document({"ready": ready}, 200 if ready else 503)

    async def server(self, _: Request) -> Response:
        """What the server is, and which extensions of the protocol it speaks."""
        return _document({**self._dataplane.metadata(), "extensions": ["binary_tensor_data"]})

    async def models(self, _: Request) -> Response:
        """The models' names."""
        return _document({"models": list(self._dataplane.model_registry.get_models())})

    async def model(self, request: Request) -> Response:
        """A model's tensors and version."""
        try:
            model = find_model(self._dataplane.model_registry, request.path_params)
        except RequestError as error:
            return refusal(error)
        return _document(model.metadata())

    async def reference(self, request: Request) -> Response:
        """What the model's drift is measured against, with the digest of its bundle as ETag."""
        try:
            served = find_model(self._dataplane.model_registry, request.path_params).served
        except RequestError as error:
            return refusal(error)
        headers = {"etag": f'"{served.digest}"'}
        return Response(served.reference, 200, headers, "application/octet-stream")

    async def model_ready(self, request: Request) -> Response:
        """Whether requests for a model should be sent here."""
        try:
            model = find_model(self._dataplane.model_registry, request.path_params)
            ready = await self._dataplane.model_ready(model.name)
        except RequestError as error:
            return refusal(error)
        except ModelNotFound:  # it was taken out meanwhile
            ready = False
        return _document(
            {"name": request.path_params["name"], "ready": ready}, 200 if ready else 503
        )


def metrics_route(registry: CollectorRegistry) -> Route:
    """`GET /metrics`: a registry in the format that the client asks for."""

    def show(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"content-type": content_type})

    return Route("/metrics", show)


async def no_such_path(scope: Scope, receive: Receive, send: Send) -> None:
    """What is answered where there is nothing."""
    error = RequestError(404, "not_found", "There is nothing at this path.")
    await refusal(error)(scope, receive, send)


def _document(document: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json")
