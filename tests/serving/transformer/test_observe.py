"""What surrounds every request, round routes that go wrong on purpose."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from components.contract import logs
from components.contract.errors import InputError, TamisError
from serving.transformer.auth.errors import ForbiddenError
from serving.transformer.journal.errors import (
    FeedbackConflictError,
    OverloadError,
    UnavailableError,
    UnknownLabelError,
)
from serving.transformer.metrics import TransformerMetrics
from serving.transformer.observe import Observe, handlers
from serving.transformer.problems import RefusalError, overloaded

SECRET = "postgresql://tamis:hunter2@db"


def application(error: Exception, metrics: TransformerMetrics, draining: bool = False) -> Any:
    app = FastAPI(exception_handlers=handlers(metrics))

    @app.get("/wrong")
    async def wrong() -> None:
        raise error

    @app.get("/right")
    async def right() -> str:
        return "fine"

    return Observe(app, metrics, lambda: draining)


def ask(app: Any, path: str = "/wrong") -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get(path)

    return asyncio.run(asked())


@pytest.fixture
def metrics() -> TransformerMetrics:
    return TransformerMetrics()


REFUSED: dict[str, tuple[Exception, int, dict[str, str], str | None]] = {
    "a refusal": (RefusalError(422, "x", "Y.", "f"), 422, {"code": "x", "field": "f"}, None),
    "too much": (overloaded(), 503, {"code": "overloaded"}, "1"),
    "feedback twice": (
        FeedbackConflictError("feedback_given", "It has it."),
        409,
        {"code": "feedback_given", "field": "id"},
        None,
    ),
    "a label": (
        UnknownLabelError("unknown_label", "No label 'x'.", "Known: a, b."),
        422,
        {"code": "unknown_label", "field": "label", "message": "No label 'x'. Known: a, b."},
        None,
    ),
    "a full journal": (
        OverloadError("journal_full", "9 wait."),
        503,
        {"code": "journal_full", "message": "Predictions can't be recorded at the moment."},
        "1",
    ),
    "a journal that is away": (
        UnavailableError("journal_unavailable", f"Can't connect to {SECRET}.", SECRET),
        503,
        {"code": "journal_unavailable", "message": "Predictions can't be recorded at the moment."},
        "2",
    ),
    "a bug": (ZeroDivisionError(SECRET), 500, {"code": "internal"}, None),
    "an error of the operator's": (InputError("no_keys", SECRET), 500, {"code": "internal"}, None),
    "an error of ours": (TamisError("storage_failed", SECRET), 500, {"code": "internal"}, None),
}


@pytest.mark.parametrize(("error", "status", "told", "again"), REFUSED.values(), ids=REFUSED)
def test_an_error_is_told_by_its_code_and_nothing_else(
    metrics: TransformerMetrics,
    error: Exception,
    status: int,
    told: dict[str, str],
    again: str | None,
) -> None:
    answer = ask(application(error, metrics))
    assert answer.status_code == status
    assert answer.headers.get("retry-after") == again
    body = answer.json()["error"]
    assert {**body, **told} == body
    assert body["request_id"] == answer.headers["x-request-id"]
    assert "hunter2" not in answer.text
    counted = metrics.errors.labels(body["code"])._value.get()
    assert counted == 1
    assert metrics.requests.labels("/wrong", str(status))._value.get() == 1
    assert metrics.in_flight._value.get() == 0


def test_a_refused_token_has_the_same_body_whatever_the_reason(
    metrics: TransformerMetrics,
) -> None:
    answers = [
        ask(application(ForbiddenError(reason, "predict"), metrics))
        for reason in ("not_granted", "nothing_granted", "bad_model")
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.content for answer in answers}) == 1


def test_a_bugs_stack_is_in_the_log_by_the_requests_id(
    metrics: TransformerMetrics, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs.LOGGER, "propagate", True)
    with caplog.at_level(logging.INFO, logger="tamis"):
        answer = ask(application(ZeroDivisionError("why"), metrics))
    # Each record once: whoever configured logging before may have it come here by two ways.
    records = {id(r): r for r in caplog.records if r.getMessage() == "request_failed"}
    (record,) = records.values()
    line = json.loads(logs.JsonFormatter().format(record))
    assert line["request_id"] == answer.json()["error"]["request_id"]
    assert "ZeroDivisionError: why" in line["traceback"]


def test_while_draining_each_answer_ends_its_connection(metrics: TransformerMetrics) -> None:
    error = RefusalError(404, "x", "Y.")
    for path in ("/right", "/wrong", "/nowhere"):
        assert (
            ask(application(error, metrics, draining=True), path).headers["connection"] == "close"
        )
        assert "connection" not in ask(application(error, metrics), path).headers


def test_what_is_no_request_passes(metrics: TransformerMetrics) -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    async def scenario(call: Callable[..., Any]) -> None:
        await call({"type": "lifespan"}, None, None)

    asyncio.run(scenario(Observe(app, metrics, lambda: False)))
    assert seen == ["lifespan"]


def test_a_client_that_goes_is_counted_and_over(metrics: TransformerMetrics) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise asyncio.CancelledError

    async def scenario() -> None:
        scope = {"type": "http", "headers": []}
        with pytest.raises(asyncio.CancelledError):
            await Observe(app, metrics, lambda: False)(scope, None, None)  # type: ignore[arg-type]

    asyncio.run(scenario())
    assert metrics.in_flight._value.get() == 0
    assert metrics.requests.labels("none", "0")._value.get() == 1
