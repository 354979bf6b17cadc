"""`POST /feedback`: the true label of a prediction that was really issued, once."""

# No `from __future__ import annotations` here: FastAPI reads a route's annotations as objects.
from collections.abc import Callable
from typing import Annotated, Any, Protocol

import orjson
from fastapi import APIRouter, Depends, Response

from serving.transformer.auth.principal import Principal
from serving.transformer.body import json_body, schema
from serving.transformer.model_identity import ModelIdentity
from serving.transformer.routes.schemas import (
    DENIALS,
    JUDGED,
    UNREADABLE,
    FeedbackAnswer,
    FeedbackRequest,
)

EXAMPLE = {"id": "2nRj5b6oTw0xv1yXh3mQzA", "label": "negative"}


class Outcome(Protocol):
    """What a journal says of a piece of feedback."""

    @property
    def predicted(self) -> str:
        """The label that was given."""
        ...

    @property
    def correct(self) -> bool:
        """Whether it was the true one."""
        ...

    @property
    def model(self) -> ModelIdentity:
        """Which model gave it."""
        ...


class Feedback(Protocol):
    """Takes feedback; the journal does."""

    async def feedback(self, prediction_id: str, label: str, subject: str) -> Outcome:
        """Keep the true label of a prediction; a `TamisError` tells why not."""
        ...


def feedback_routes(
    journal: Feedback, may_give: Any, given: Callable[[Outcome], None]
) -> APIRouter:
    """The route.

    Args:
        journal: Where predictions and feedback are kept.
        may_give: Dependency that admits a caller and gives a `Principal`.
        given: Told of each accepted piece.

    Returns:
        A router.
    """
    router = APIRouter()

    @router.post(
        "/feedback",
        responses={
            200: {"model": FeedbackAnswer},
            **DENIALS,
            **UNREADABLE,
            **JUDGED,
        },
        openapi_extra=schema(FeedbackRequest, correction=EXAMPLE),
        summary="Tell the true label of a prediction",
    )
    async def feedback(
        caller: Annotated[Principal, Depends(may_give)],
        body: Annotated[FeedbackRequest, Depends(json_body(FeedbackRequest))],
    ) -> Response:
        outcome = await journal.feedback(body.id, body.label, caller.subject)
        given(outcome)
        answer = {
            "id": body.id,
            "label": body.label,
            "predicted": outcome.predicted,
            "right": outcome.correct,
        }
        return Response(orjson.dumps(answer), media_type="application/json")

    return router
