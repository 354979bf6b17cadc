from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from kserve import ModelRepository

from serving.predictor.body import Bodies
from serving.predictor.errors import RequestError, overloaded, scoring_failed
from serving.predictor.metrics import PredictorMetrics
from serving.predictor.model import TextModel
from serving.predictor.scoring_endpoint import V2, ScoringEndpoint
from serving.predictor.served import Served
from tests.serving.predictor.bodies import infer

SECRET = "the text of another client"


class Failing:
    """An engine that raises what it is told; the real one can't be made to have bugs."""

    def __init__(self, served: Served, error: Exception) -> None:
        self.served, self._error = served, error

    async def score(self, *_: Any) -> Any:
        raise self._error


def call(
    served: Served, error: Exception, draining: bool = False
) -> tuple[dict[str, Any], dict[str, str], int, PredictorMetrics, Bodies]:
    models, metrics, bodies = ModelRepository(), PredictorMetrics(), Bodies()
    models.update(TextModel("tamis", Failing(served, error)))  # type: ignore[arg-type]
    endpoint = ScoringEndpoint(V2, models, bodies, metrics, 10.0, lambda: draining)
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": infer()}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": [], "path_params": {"name": "tamis"}}
    asyncio.run(endpoint(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return json.loads(sent[1]["body"]), headers, sent[0]["status"], metrics, bodies


def test_a_bug_is_told_to_the_log_and_not_to_the_client(
    graph: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "tamis"):
        document, _, status, metrics, bodies = call(graph, ValueError(SECRET))
    assert status == 500
    assert document == {"error": "The request could not be answered.", "code": "internal_error"}
    assert SECRET in caplog.text
    count = {"protocol": "v2", "code": "internal_error"}
    assert metrics.registry.get_sample_value("tamis_predictor_requests_total", count) == 1
    assert bodies._held == 0


def test_a_refusal_says_when_to_come_again_and_which_texts(graph: Served) -> None:
    document, headers, status, _, _ = call(graph, overloaded())
    assert (status, document["code"]) == (503, "overloaded")
    assert int(headers["retry-after"]) > 0
    document, headers, status, _, _ = call(graph, scoring_failed([2, 5]))
    assert (status, document["texts"]) == (500, [2, 5])
    assert "retry-after" not in headers


@pytest.mark.parametrize("draining", [False, True])
def test_connections_end_while_the_server_drains(graph: Served, draining: bool) -> None:
    error = RequestError(504, "deadline_exceeded", "x.")
    headers = call(graph, error, draining)[1]
    assert (headers.get("connection") == "close") is draining
