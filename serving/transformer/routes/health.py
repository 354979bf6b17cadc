"""`/v2/health/live` and `/ready`: open to anyone, and telling nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
from fastapi import APIRouter, Response

from serving.transformer.problems import RefusalError
from serving.transformer.routes.schemas import NOT_READY


def health_routes(
    draining: Callable[[], bool], predictor_ready: Callable[[], Awaitable[bool]]
) -> APIRouter:
    """The routes.

    Args:
        draining: Whether this process is on its way out.
        predictor_ready: Whether the predictor says that it is ready.

    Returns:
        A router.
    """
    router = APIRouter()

    @router.get("/v2/health/live", summary="Whether the process works")
    async def live() -> Response:
        return Response(orjson.dumps({"live": True}), media_type="application/json")

    @router.get("/", summary="Whether the process works (the v1 protocol's way to ask)")
    async def alive() -> Response:
        return Response(orjson.dumps({"status": "alive"}), media_type="application/json")

    @router.get(
        "/v2/health/ready",
        responses={**NOT_READY},
        summary="Whether requests should be sent here",
    )
    async def ready() -> Response:
        if draining() or not await predictor_ready():
            raise RefusalError(503, "not_ready", "The service is not ready.", retry_after=2)
        return Response(orjson.dumps({"ready": True}), media_type="application/json")

    return router
