"""The trigger's HTTP side: `POST /alerts` for Alertmanager, and what Kubernetes asks.

Alertmanager comes again after an answer of 5xx and gives up after one of 4xx, so a rule's refusal
is an answer of 200 that says why, a journal that can't be read one of 503.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from components.contract import logs
from components.contract.errors import InputError, TamisError
from pipelines.trigger.bearer import BearerToken
from pipelines.trigger.intake import Intake
from pipelines.trigger.webhook import BODY_BYTES, read_notification

BODY_S = 10.0
"""Longest that a body may take to arrive."""
_UNREADABLE = {"body_too_large": 413, "body_timeout": 408}


def make_app(intake: Intake, token: BearerToken, ready: Callable[[], bool]) -> Starlette:
    """The application.

    Args:
        intake: Decides on requests.
        token: Who may post alerts.
        ready: Whether runs could be carried out.

    Returns:
        An ASGI application.
    """

    async def alerts(request: Request) -> JSONResponse:
        if not token.admits(request.headers.get("authorization")):
            return JSONResponse({"code": "not_authenticated"}, 401, {"WWW-Authenticate": "Bearer"})
        try:
            asking = read_notification(await _body(request))
        except InputError as error:
            return _told(error, _UNREADABLE.get(error.code, 400))
        if not asking:
            return JSONResponse({"run": "", "code": "nothing_asked", "message": ""})
        try:
            answer = await asyncio.to_thread(intake.by_alerts, asking)
        except TamisError as error:
            logs.event("retraining_unavailable", code=error.code, message=error.message)
            return _told(error, 503)
        except Exception:  # noqa: BLE001 - a caller learns nothing of what is inside
            logs.LOGGER.exception("unexpected")
            return JSONResponse({"code": "unexpected"}, 500)
        body = {"run": answer.run, "code": answer.code, "message": answer.message}
        return JSONResponse(body)

    async def live(_: Request) -> JSONResponse:
        return JSONResponse({"live": True})

    async def health(_: Request) -> JSONResponse:
        sound = await asyncio.to_thread(ready)
        return JSONResponse({"ready": sound}, 200 if sound else 503)

    return Starlette(
        routes=[
            Route("/alerts", alerts, methods=["POST"]),
            Route("/live", live),
            Route("/ready", health),
            Route("/health", health),
        ]
    )


async def _body(request: Request) -> bytes:
    """A body of at most `BODY_BYTES`, counted as it comes; raises `InputError`."""
    told = request.headers.get("content-length", "0")
    if told.isdecimal() and int(told[:12]) > BODY_BYTES:
        raise _too_large()
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                size += len(part)
                if size > BODY_BYTES:
                    raise _too_large()
                parts.append(part)
    except TimeoutError:
        raise InputError("body_timeout", "The body took too long.") from None
    except ClientDisconnect:
        raise InputError("incomplete_body", "The body ended early.") from None
    return b"".join(parts)


def _too_large() -> InputError:
    return InputError("body_too_large", f"A notification may have {BODY_BYTES:,} bytes.")


def _told(error: TamisError, status: int) -> JSONResponse:
    told: dict[str, Any] = {"code": error.code}
    if status < 500:  # our own journal's troubles are nobody else's business
        told["message"] = error.message
    return JSONResponse(told, status)
