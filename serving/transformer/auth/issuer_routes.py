"""The embedded issuer over HTTP."""

from __future__ import annotations

import json

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from fastapi.responses import Response

from components.contract import logs
from components.contract.errors import TamisError
from serving.transformer.auth.discovery import OAUTH, OPENID
from serving.transformer.auth.issuer import KEYS_PATH, TOKEN_PATH, Issuer
from serving.transformer.auth.token_endpoint import MAX_FORM_BYTES, GrantError

THREADS = 8
"""Of their own, so that guesses which wait for a hash keep nobody else's threads."""
FORM = "application/x-www-form-urlencoded"
_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}  # RFC 6749, section 5.1
_BRIEFLY = {"cache-control": "public, max-age=60"}


def issuer_routes(issuer: Issuer) -> APIRouter:
    """Token endpoint, key set and discovery documents.

    Args:
        issuer: The issuer.

    Returns:
        A router to include at the root.
    """
    router = APIRouter(tags=["development issuer"])
    threads = CapacityLimiter(THREADS)

    @router.post(TOKEN_PATH, include_in_schema=False)
    async def token(request: Request) -> Response:
        try:
            authorization = _authorization(request)
            body = await _form(request)
            address = request.client.host if request.client else ""
            answer = await run_sync(issuer.grant, authorization, body, address, limiter=threads)
        except GrantError as error:
            return _refusal(error)
        except TamisError as error:
            logs.event("token_request", outcome=error.code, message=error.message)
            return _refusal(GrantError("temporarily_unavailable", 503))
        return Response(json.dumps(answer), 200, _NO_STORE, "application/json")

    @router.get(KEYS_PATH, include_in_schema=False)
    def key_set() -> Response:
        return Response(issuer.key_set(), 200, _BRIEFLY, "application/jwk-set+json")

    @router.get(OPENID, include_in_schema=False)
    @router.get(OAUTH, include_in_schema=False)
    def metadata() -> Response:
        return Response(json.dumps(issuer.metadata()), 200, _BRIEFLY, "application/json")

    return router


def _authorization(request: Request) -> str | None:
    headers = request.headers.getlist("authorization")
    if len(headers) > 1:
        raise GrantError("invalid_request")
    return headers[0] if headers else None


async def _form(request: Request) -> bytes:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != FORM:
        raise GrantError("invalid_request", 415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise GrantError("invalid_request", 413)
    return bytes(body)


def _refusal(error: GrantError) -> Response:
    headers = dict(_NO_STORE)
    if error.status == 401:
        headers["www-authenticate"] = 'Basic realm="tamis", charset="UTF-8"'
    if error.retry_after_s:
        headers["retry-after"] = str(error.retry_after_s)
    return Response(json.dumps({"error": error.error}), error.status, headers, "application/json")
