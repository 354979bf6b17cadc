"""`POST /classify`: what a person would write."""

# No `from __future__ import annotations` here: FastAPI reads a route's annotations as objects.
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Response

from serving.transformer.auth.principal import Principal
from serving.transformer.body import json_body, schema
from serving.transformer.classification import Classification
from serving.transformer.prediction import Answered
from serving.transformer.routes.schemas import REFUSALS, Classified, ClassifyRequest

EXAMPLE = {"texts": ["a wonderful film", "dull and far too long"]}


def classify_routes(classification: Classification, may_predict: Any) -> APIRouter:
    """The route.

    Args:
        classification: Answers texts.
        may_predict: Dependency that admits a caller and gives a `Principal`.

    Returns:
        A router.
    """
    router = APIRouter()

    @router.post(
        "/classify",
        responses={200: {"model": list[Classified]}, **REFUSALS},
        openapi_extra=schema(ClassifyRequest, reviews=EXAMPLE),
        summary="Classify texts",
    )
    async def classify(
        caller: Annotated[Principal, Depends(may_predict)],
        body: Annotated[ClassifyRequest, Depends(json_body(ClassifyRequest))],
    ) -> Response:
        answered = await classification.answer(body.texts, body.truncate, caller.subject)
        return Response(orjson.dumps(rows(answered)), media_type="application/json")

    return router


def rows(answered: Answered) -> list[dict[str, Any]]:
    """Answers as JSON: label names, never class numbers.

    Args:
        answered: n answered texts.

    Returns:
        n mappings, those of `Classified`.
    """
    return [
        {
            "label": answered.labels[label],
            "score": row[label],
            "probabilities": dict(zip(answered.labels, row, strict=True)),
            "id": identity,
            "truncated": truncated,
            "model": answered.model.name,
            "version": answered.model.version,
            "bundle_digest": answered.model.bundle_digest,
        }
        for label, row, identity, truncated in zip(
            answered.best,
            answered.probabilities.tolist(),
            answered.ids,
            answered.truncated.tolist(),
            strict=True,
        )
    ]
