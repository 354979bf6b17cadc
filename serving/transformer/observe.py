"""What happens round every request: an id, counts, latency, and errors told without a stack."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from components.contract import logs
from components.contract.errors import TamisError
from serving.transformer.auth.errors import AuthError
from serving.transformer.identity import new_ids
from serving.transformer.metrics import TransformerMetrics
from serving.transformer.problems import RefusalError

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
NO_ROUTE = "none"
NO_SNIFFING = (b"x-content-type-options", b"nosniff")
UNRECORDED = "Predictions can't be recorded at the moment."
"""What a client is told instead of a database's or a key file's trouble, which the log has."""
REFUSALS = {
    "unknown_prediction": partial(RefusalError, 404, field="id"),
    "feedback_given": partial(RefusalError, 409, field="id"),
    "unknown_label": partial(RefusalError, 422, field="label"),
}
"""The journal's refusals that are the client's to mend."""
AWAY = {"journal_full": 1, "journal_unavailable": 2}
"""Those that aren't: seconds after which to come again."""
LAST_ANSWER = (b"connection", b"close")


class Observe:
    """ASGI middleware, the outermost.

    Args:
        app: The application.
        metrics: Where it counts.
        draining: Whether this process is on its way out; each answer then ends its connection,
            so that none is closed under a request.
    """

    def __init__(
        self, app: ASGIApp, metrics: TransformerMetrics, draining: Callable[[], bool]
    ) -> None:
        self._app, self._metrics, self._draining = app, metrics, draining
        self._ids = new_ids()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["request_id"] = identity = _given_id(scope) or next(self._ids)
        started, status = time.perf_counter(), 0

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [(b"x-request-id", identity.encode()), NO_SNIFFING]
                if self._draining():
                    headers.append(LAST_ANSWER)
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, observed)
        except Exception:  # noqa: BLE001 - it has been answered: `on_bug`
            logs.LOGGER.exception("request_failed", extra={"fields": {"request_id": identity}})
        finally:
            self._metrics.in_flight.dec()
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.latency.labels(route).observe(time.perf_counter() - started)


def handlers(metrics: TransformerMetrics) -> dict[Any, Any]:
    """Exception handlers for the application: refusals as answers.

    Args:
        metrics: Where refusals are counted.

    Returns:
        What `FastAPI(exception_handlers=…)` takes.
    """

    def refuse(request: Request, problem: RefusalError) -> Response:
        metrics.errors.labels(problem.code).inc()
        return problem.response(request.scope["state"]["request_id"])

    async def on_problem(request: Request, problem: RefusalError) -> Response:
        return refuse(request, problem)

    async def on_auth(request: Request, error: AuthError) -> Response:
        metrics.errors.labels(error.code).inc()
        return Response(error.body, error.status, error.headers, media_type="application/json")

    async def on_refusal(request: Request, error: TamisError) -> Response:
        if error.code in REFUSALS:
            told = f"{error.message} {error.hint}".strip()
            return refuse(request, REFUSALS[error.code](error.code, told))
        if error.code not in AWAY:
            raise error
        logs.event("unrecorded", code=error.code, message=error.message)
        away = AWAY[error.code]
        return refuse(request, RefusalError(503, error.code, UNRECORDED, retry_after=away))

    async def on_bug(request: Request, _: Exception) -> Response:
        return refuse(
            request, RefusalError(500, "internal", "The service failed; it has been noted.")
        )

    async def not_found(request: Request, _: Exception) -> Response:
        return refuse(request, RefusalError(404, "not_found", "There is nothing at this address."))

    async def wrong_method(request: Request, error: Exception) -> Response:
        problem = RefusalError(405, "wrong_method", "This address takes another method.")
        response = refuse(request, problem)
        response.headers["allow"] = (getattr(error, "headers", None) or {}).get("Allow", "")
        return response

    return {
        RefusalError: on_problem,
        AuthError: on_auth,
        TamisError: on_refusal,
        Exception: on_bug,
        404: not_found,
        405: wrong_method,
    }


def _given_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            told: str = value.decode("latin-1")
            if _REQUEST_ID.fullmatch(told):
                return told
    return None
