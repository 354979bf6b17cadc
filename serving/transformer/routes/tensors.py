"""Bodies of the Open Inference Protocol v2: texts as a tensor in, answers as tensors out.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

from typing import Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import Request

from serving import binary
from serving.transformer.body import bad_json, check_type, invalid, json_body, read_body
from serving.transformer.limits import TEXTS
from serving.transformer.prediction import Answered
from serving.transformer.problems import RefusalError
from serving.transformer.routes.schemas import Texts

BINARY = "application/octet-stream"
SIZE_FIELD = "inputs[0].parameters.binary_data_size"
OUTPUTS = {
    "label": "BYTES",
    "score": "FP32",
    "probabilities": "FP32",
    "labels": "BYTES",
    "truncated": "BOOL",
    "id": "BYTES",
}
"""Output tensors and their datatypes."""


class V2Input(BaseModel):
    """The tensor of texts."""

    model_config = ConfigDict(extra="ignore")
    name: str = Field(max_length=100)
    shape: list[int] = Field(min_length=1, max_length=2, description="[n] or [n, 1]")
    datatype: Literal["BYTES"]
    data: Texts


class V2Parameters(BaseModel):
    """Request parameters; what other servers know is ignored."""

    model_config = ConfigDict(extra="ignore")
    truncate: bool = True


class V2Request(BaseModel):
    """An inference request; null counts as left out, as clients write it."""

    model_config = ConfigDict(extra="ignore")
    id: str | None = Field(None, max_length=200)
    inputs: list[V2Input] = Field(min_length=1, max_length=1)
    parameters: V2Parameters | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        n = len(self.texts)
        if self.inputs[0].shape not in ([n], [n, 1]):
            raise RefusalError(
                422, "invalid_field", f"inputs[0].shape doesn't fit {n} texts.", "inputs[0].shape"
            )
        return self

    @property
    def texts(self) -> list[str]:
        """The texts to answer."""
        return self.inputs[0].data

    @property
    def truncate(self) -> bool:
        """Whether long ones may be cut."""
        return self.parameters is None or self.parameters.truncate


_read_json = json_body(V2Request)


async def v2_body(request: Request) -> V2Request:
    """A dependency that reads a request, its texts inside the JSON or as raw bytes behind it.

    Args:
        request: The HTTP request.

    Returns:
        The inference request.

    Raises:
        RefusalError: As `json_body`; 400 `bad_header`, 422 `bad_tensor`.
    """
    told = request.headers.get(binary.HEADER)
    if told is None:
        return await _read_json(request)
    check_type(request, BINARY)
    body = await read_body(request)
    try:
        head, tail = binary.split(body, told)
    except binary.FramingError as error:
        raise RefusalError(
            400, "bad_header", f"{binary.HEADER} {error}", field=binary.HEADER
        ) from None
    try:
        return V2Request.model_validate(_joined(head, tail), strict=True)
    except ValidationError as error:
        raise invalid(error) from None


def encode(answered: Answered, request_id: str | None) -> dict[str, Any]:
    """Answers as tensors.

    Args:
        answered: n answered texts.
        request_id: The request's own id; None takes the first prediction's.

    Returns:
        The answer's JSON.
    """
    n, k = answered.probabilities.shape
    best = answered.probabilities.argmax(axis=1).tolist()
    values: dict[str, tuple[list[int], list[Any]]] = {
        "label": ([n], [answered.labels[label] for label in best]),
        "score": ([n], answered.probabilities.max(axis=1).tolist()),
        "probabilities": ([n, k], answered.probabilities.ravel().tolist()),
        "labels": ([k], list(answered.labels)),
        "truncated": ([n], answered.truncated.tolist()),
        "id": ([n], list(answered.ids)),
    }
    return {
        "model_name": answered.model.name,
        "model_version": answered.model.version,
        "id": request_id or answered.ids[0],
        "parameters": {"bundle_digest": answered.model.bundle_digest},
        "outputs": [
            {"name": name, "datatype": OUTPUTS[name], "shape": shape, "data": data}
            for name, (shape, data) in values.items()
        ],
    }


def _joined(head: bytes, tail: bytes) -> object:
    """The request's JSON with the texts behind it put where JSON would have had them."""
    try:
        document = orjson.loads(head)
    except orjson.JSONDecodeError:
        raise bad_json() from None
    match document:
        case {"inputs": [{"parameters": {"binary_data_size": int(size)}} as tensor, *_]} if (
            size == len(tail) and "data" not in tensor
        ):
            try:
                tensor["data"] = binary.texts(tail, TEXTS)
            except binary.FramingError as error:
                raise _bad_tensor(str(error)) from None
        case _ if tail:
            raise _bad_tensor(f"must be the {len(tail)} bytes behind the JSON, without data.")
    return document


def _bad_tensor(sentence: str) -> RefusalError:
    return RefusalError(422, "bad_tensor", f"{SIZE_FIELD} {sentence}", SIZE_FIELD)
