"""The Open Inference Protocol, v2 and v1.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

# No `from __future__ import annotations` here: FastAPI reads a route's annotations as objects.
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, Self

import orjson
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from serving.transformer.auth.principal import Principal
from serving.transformer.body import json_body, schema
from serving.transformer.classification import Classification
from serving.transformer.limits import TEXTS
from serving.transformer.prediction import Answered
from serving.transformer.problems import RefusalError
from serving.transformer.routes.classify import rows
from serving.transformer.routes.schemas import REFUSALS, Body, Text, Texts

V2_EXAMPLE = {
    "inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a wonderful film"]}],
    "parameters": {"truncate": True},
}
V1_EXAMPLE = {"instances": ["a wonderful film", {"text": "dull"}]}


class V2Input(BaseModel):
    """The tensor of texts."""

    model_config = ConfigDict(extra="ignore")
    name: str = Field(max_length=100)
    shape: list[int] = Field(min_length=1, max_length=2, description="[n] or [n, 1]")
    datatype: Literal["BYTES"]
    data: Texts

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.shape not in ([len(self.data)], [len(self.data), 1]):
            raise ValueError(f"shape doesn't fit {len(self.data)} texts")
        return self


class V2Parameters(BaseModel):
    """Request parameters; what other servers know is ignored."""

    model_config = ConfigDict(extra="ignore")
    truncate: bool = True


class V2Request(BaseModel):
    """An inference request."""

    model_config = ConfigDict(extra="ignore")
    id: str | None = Field(None, max_length=200)
    inputs: list[V2Input] = Field(min_length=1, max_length=1)
    parameters: V2Parameters = V2Parameters()


class V1Instance(Body):
    """An instance: `{"text": "…"}`, or the bare text."""

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

    @router.post(
        "/v2/models/{model}/infer",
        responses={**REFUSALS},
        openapi_extra=schema(V2Request, review=V2_EXAMPLE),
        summary="Open Inference Protocol v2",
    )
    async def infer(
        model: str,
        caller: Annotated[Principal, Depends(may_predict)],
        body: Annotated[V2Request, Depends(json_body(V2Request))],
    ) -> Response:
        _known(model, served)
        texts = body.inputs[0].data
        answered = await classification.answer(texts, body.parameters.truncate, caller.subject)
        return _json(_v2(answered, body.id))

    @router.post(
        "/v1/models/{model}:predict",
        responses={**REFUSALS},
        openapi_extra=schema(V1Request, reviews=V1_EXAMPLE),
        summary="Inference protocol v1",
    )
    async def predict(
        model: str,
        caller: Annotated[Principal, Depends(may_predict)],
        body: Annotated[V1Request, Depends(json_body(V1Request))],
    ) -> Response:
        _known(model, served)
        texts = [instance.text for instance in body.instances]
        answered = await classification.answer(texts, body.truncate, caller.subject)
        return _json({"predictions": rows(answered)})

    @router.get("/v2/models/{model}", summary="What the model takes and gives")
    async def metadata(model: str, caller: Annotated[Principal, Depends(may_predict)]) -> Response:
        _known(model, served)
        return _json(
            {
                "name": served,
                "platform": "tamis",
                "inputs": [{"name": "text", "datatype": "BYTES", "shape": [-1]}],
                "outputs": [
                    {"name": "label", "datatype": "BYTES", "shape": [-1]},
                    {"name": "score", "datatype": "FP32", "shape": [-1]},
                    {"name": "probabilities", "datatype": "FP32", "shape": [-1, -1]},
                    {"name": "labels", "datatype": "BYTES", "shape": [-1]},
                    {"name": "truncated", "datatype": "BOOL", "shape": [-1]},
                    {"name": "id", "datatype": "BYTES", "shape": [-1]},
                ],
            }
        )

    @router.get("/v2/models/{model}/ready", summary="Whether the model can answer")
    async def model_ready(model: str) -> Response:
        _known(model, served)
        if not await ready():
            raise RefusalError(503, "not_ready", "The model is not ready.", retry_after=2)
        return _json({"name": served, "ready": True})

    @router.get("/v2", summary="What this server is")
    async def server() -> Response:
        return _json({"name": "tamis", "extensions": []})

    return router


def _known(model: str, served: str) -> None:
    if model != served:
        raise RefusalError(404, "unknown_model", "There is no such model here.", "model")


def _v2(answered: Answered, request_id: str | None) -> dict[str, Any]:
    n, k = answered.probabilities.shape
    best = answered.probabilities.argmax(axis=1).tolist()

    def output(name: str, datatype: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
        return {"name": name, "datatype": datatype, "shape": shape, "data": data}

    return {
        "model_name": answered.model.name,
        "model_version": answered.model.version,
        "id": request_id or answered.ids[0],
        "parameters": {"bundle_digest": answered.model.bundle_digest},
        "outputs": [
            output("label", "BYTES", [n], [answered.labels[label] for label in best]),
            output("score", "FP32", [n], answered.probabilities.max(axis=1).tolist()),
            output("probabilities", "FP32", [n, k], answered.probabilities.ravel().tolist()),
            output("labels", "BYTES", [k], list(answered.labels)),
            output("truncated", "BOOL", [n], answered.truncated.tolist()),
            output("id", "BYTES", [n], list(answered.ids)),
        ],
    }


def _json(document: Any) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")
