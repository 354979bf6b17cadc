"""`GET /drift`: what the drift worker last found."""

# No `from __future__ import annotations` here: FastAPI reads a route's annotations as objects.
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Response

from serving.transformer.auth.principal import Principal
from serving.transformer.routes.schemas import DENIALS


def drift_routes(report: Callable[[], Mapping[str, Any]], may_read: Any) -> APIRouter:
    """The route.

    Args:
        report: The newest report as JSON.
        may_read: Dependency that admits a caller and gives a `Principal`.

    Returns:
        A router.
    """
    router = APIRouter()

    @router.get(
        "/drift",
        responses={**DENIALS},
        summary="How far recent texts are from those the model was trained on",
    )
    async def drift(caller: Annotated[Principal, Depends(may_read)]) -> Response:
        return Response(orjson.dumps(report()), media_type="application/json")

    return router
