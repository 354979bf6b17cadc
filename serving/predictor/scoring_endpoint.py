"""The endpoints that score, one for each protocol.

KServe's own leave bodies unchecked, answer some bad ones with 500 and parse each body twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from kserve import ModelRepository
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from components.contract import logs
from serving.predictor import binary, v1, v2
from serving.predictor.body import Bodies
from serving.predictor.engine import Answer
from serving.predictor.errors import RequestError, bad_request
from serving.predictor.limits import DEADLINE_S, INLINE_BYTES
from serving.predictor.metrics import PredictorMetrics
from serving.predictor.model import TextModel
from serving.predictor.request import ScoreRequest

DEADLINE_HEADERS = ("x-request-timeout-ms", "x-envoy-expected-rq-timeout-ms")
"""Milliseconds that the client will wait. The second is what Envoy adds, and so Istio and Knative:
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter"""

_DEADLINES = tuple((name, name.encode()) for name in DEADLINE_HEADERS)
_BINARY = binary.HEADER.encode()


@dataclass(frozen=True)
class Wire:
    """A protocol.

    Attributes:
        name: The value of the metrics' `protocol` label.
        decode: The request that a body (and its binary header, or None) asks.
        encode: The body of an answer to a request by a named model, and the length of its JSON
            when raw tensors follow it.
    """

    name: str
    decode: Callable[[bytes, str | None], ScoreRequest]
    encode: Callable[[Answer, str, ScoreRequest], tuple[bytes, int | None]]


V1 = Wire("v1", v1.decode, v1.encode)
V2 = Wire("v2", v2.decode, v2.encode)


class ScoringEndpoint:
    """An ASGI endpoint whose path holds the model's `name`, and maybe its `version`.

    Args:
        wire: The protocol.
        models: The models by name.
        bodies: The bodies that are held; shared by all endpoints.
        metrics: Where to count.
        deadline_s: Longest that a request may take, in seconds.
        draining: Whether connections should end with their next answer.
    """

    def __init__(
        self,
        wire: Wire,
        models: ModelRepository,
        bodies: Bodies,
        metrics: PredictorMetrics,
        deadline_s: float,
        draining: Callable[[], bool],
    ) -> None:
        self._wire, self._models, self._bodies = wire, models, bodies
        self._metrics, self._deadline_s, self._draining = metrics, deadline_s, draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            response = await self._answer(scope, receive)
            code = "ok"
        except RequestError as error:
            response, code = refusal(error), error.code
        except Exception:  # noqa: BLE001 - a client gets a code, the log the rest
            logs.LOGGER.exception("bug", extra={"fields": {"code": "internal_error"}})
            bug = RequestError(500, "internal_error", "The request could not be answered.")
            response, code = refusal(bug), bug.code
        self._metrics.answered(self._wire.name, code)
        if self._draining():
            response.headers["connection"] = "close"  # the next request should go elsewhere
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        headers = dict(scope["headers"])
        model = find_model(self._models, scope["path_params"])
        deadline = time.monotonic() + _seconds(headers, self._deadline_s)
        body = await self._bodies.read(headers, receive)
        try:
            asked = await self._decoded(body, headers)
            answer = await model.predict(asked, deadline)
            content, length = self._wire.encode(answer, model.name, asked)
        finally:
            self._bodies.release(len(body))
        if length is None:
            return Response(content, media_type="application/json")
        return Response(
            content,
            headers={binary.HEADER: str(length)},
            media_type="application/octet-stream",
        )

    async def _decoded(self, body: bytes, headers: Mapping[bytes, bytes]) -> ScoreRequest:
        told = headers.get(_BINARY)
        header = None if told is None else told.decode("latin-1")
        if len(body) <= INLINE_BYTES:
            return self._wire.decode(body, header)
        return await asyncio.to_thread(self._wire.decode, body, header)


def find_model(models: ModelRepository, path: Mapping[str, str]) -> TextModel:
    """The model that a path names.

    Args:
        models: The models by name.
        path: The path's `name`, and maybe its `version`.

    Returns:
        The model.

    Raises:
        RequestError: 404 `model_not_found` or `version_not_found`.
    """
    model = models.get_model(path["name"])
    if not isinstance(model, TextModel):
        raise RequestError(404, "model_not_found", "This model is not served.")
    if path.get("version", model.served.version) != model.served.version:
        raise RequestError(404, "version_not_found", "This version is not served.")
    return model


def refusal(error: RequestError) -> Response:
    """What a client is told: `{"error", "code", "field"?, "hint"?, "texts"?}`."""
    document: dict[str, Any] = {"error": error.message, "code": error.code}
    for name in ("field", "hint", "texts"):
        if value := getattr(error, name):
            document[name] = value
    response = Response(orjson.dumps(document), error.status, media_type="application/json")
    if error.retry_after:
        response.headers["retry-after"] = str(error.retry_after)
    if error.status in (408, 413, 415, 503):
        response.headers["connection"] = "close"  # what is left of the body is not wanted
    return response


def _seconds(headers: Mapping[bytes, bytes], longest: float) -> float:
    for name, key in _DEADLINES:
        told = headers.get(key)
        if told is None:
            continue
        if not (told.isdigit() and len(told) < 9 and int(told)):
            raise bad_request("bad_header", name, "must be a number of milliseconds.")
        longest = min(longest, int(told) / 1000, DEADLINE_S)
    return longest
