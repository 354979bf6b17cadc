"""The Open Inference Protocol, v2 and v1.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

# No `from __future__ import annotations` here: FastAPI reads a route's annotations as objects.
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from serving import binary
from serving.transformer.auth.principal import Principal
from serving.transformer.body import json_body, schema
from serving.transformer.classification import Classification
from serving.transformer.limits import TEXT_CHARACTERS, TEXTS
from serving.transformer.problems import RefusalError
from serving.transformer.routes import schemas, tensors
from serving.transformer.routes.classify import rows
from serving.transformer.routes.schemas import Body, Text

V2_EXAMPLE = {
    "inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a wonderful film"]}],
    "parameters": {"truncate": True},
}
V1_EXAMPLE = {"instances": ["a wonderful film", {"text": "dull"}]}
BINARY_PARAMETER = {
    "name": binary.HEADER,
    "in": "header",
    "required": False,
    "description": "Length of the JSON, when the texts are raw bytes behind it (octet-stream).",
    "schema": {"type": "integer", "minimum": 0},
}


def _or_bare(own: dict[str, Any]) -> None:
    """Say in the schema what `V1Instance` takes beside the object."""
    whole = dict(own)
    own.clear()
    own["anyOf"] = [{"type": "string", "minLength": 1, "maxLength": TEXT_CHARACTERS}, whole]


class V1Instance(Body):
    """An instance: `{"text": "…"}`, or the bare text."""

    model_config = ConfigDict(json_schema_extra=_or_bare)
    text: Text

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return {"text": value} if isinstance(value, str) else value


class V1Request(BaseModel):
    """Instances to predict."""

    model_config = ConfigDict(extra="ignore")
    instances: list[V1Instance] = Field(min_length=1, max_length=TEXTS)
    truncate: bool = True


def inference_routes(
    classification: Classification,
    may_predict: Any,
    served: str,
    ready: Callable[[], Awaitable[bool]],
) -> APIRouter:
    """The routes of one model.

    Args:
        classification: Answers texts.
        may_predict: Dependency that admits a caller and gives a `Principal`.
        served: The model's name; other names are 404.
        ready: Whether the predictor is.

    Returns:
        A router.
    """
    router = APIRouter()
    one = Path(description="The served model's name.", json_schema_extra={"enum": [served]})
    Model = Annotated[str, one]  # noqa: N806 - a type

    @router.post(
        "/v2/models/{model}/infer",
        responses={200: {"model": schemas.V2Answer}, **schemas.UNKNOWN_MODEL, **schemas.REFUSALS},
        openapi_extra=_v2_schema(),
        summary="Open Inference Protocol v2",
    )
    async def infer(
        model: Model,
        caller: Annotated[Principal, Depends(may_predict)],
        body: Annotated[tensors.V2Request, Depends(tensors.v2_body)],
    ) -> Response:
        _known(model, served)
        answered = await classification.answer(
            body.texts, body.truncate, caller.subject, "inputs[0].data"
        )
        return _json(tensors.encode(answered, body.id))

    @router.post(
        "/v1/models/{model}:predict",
        responses={200: {"model": schemas.V1Answer}, **schemas.UNKNOWN_MODEL, **schemas.REFUSALS},
        openapi_extra=schema(V1Request, reviews=V1_EXAMPLE),
        summary="Inference protocol v1",
    )
    async def predict(
        model: Model,
        caller: Annotated[Principal, Depends(may_predict)],
        body: Annotated[V1Request, Depends(json_body(V1Request))],
    ) -> Response:
        _known(model, served)
        texts = [instance.text for instance in body.instances]
        answered = await classification.answer(texts, body.truncate, caller.subject, "instances")
        return _json({"predictions": rows(answered)})

    @router.get(
        "/v2/models/{model}",
        responses={
            200: {"model": schemas.ModelMetadata},
            **schemas.UNKNOWN_MODEL,
            **schemas.DENIALS,
        },
        summary="What the model takes and gives",
    )
    async def metadata(
        model: Model, caller: Annotated[Principal, Depends(may_predict)]
    ) -> Response:
        _known(model, served)
        shapes = {"probabilities": [-1, -1]}
        return _json(
            {
                "name": served,
                "platform": "tamis",
                "inputs": [{"name": "text", "datatype": "BYTES", "shape": [-1]}],
                "outputs": [
                    {"name": name, "datatype": datatype, "shape": shapes.get(name, [-1])}
                    for name, datatype in tensors.OUTPUTS.items()
                ],
            }
        )

    @router.get("/v1/models/{model}", **_readiness("the v1 protocol's way to ask"))
    @router.get("/v2/models/{model}/ready", **_readiness("v2's way to ask"))
    async def model_ready(model: Model) -> Response:
        _known(model, served)
        if not await ready():
            raise RefusalError(503, "not_ready", "The model is not ready.", retry_after=2)
        return _json({"name": served, "ready": True})

    @router.get("/v2", summary="What this server is")
    async def server() -> Response:
        return _json({"name": "tamis", "extensions": []})

    return router


def _v2_schema() -> dict[str, Any]:
    described = schema(tensors.V2Request, review=V2_EXAMPLE)
    raw = {"schema": {"type": "string", "format": "binary"}}
    described["requestBody"]["content"][tensors.BINARY] = raw
    return {**described, "parameters": [BINARY_PARAMETER]}


def _readiness(way: str) -> dict[str, Any]:
    """What a readiness route's decorator takes."""
    return {
        "responses": {
            200: {"model": schemas.ModelReadiness},
            **schemas.UNKNOWN_MODEL,
            **schemas.NOT_READY,
        },
        "summary": f"Whether the model can answer ({way})",
    }


def _known(model: str, served: str) -> None:
    if model != served:
        raise RefusalError(404, "unknown_model", "There is no such model here.", "model")


def _json(document: Any) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")
