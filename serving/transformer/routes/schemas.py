"""Request and answer bodies, as OpenAPI shows them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from serving.transformer.limits import ID_CHARACTERS, TEXT_CHARACTERS, TEXTS

Text = Annotated[str, Field(min_length=1, max_length=TEXT_CHARACTERS)]
Texts = Annotated[list[Text], Field(min_length=1, max_length=TEXTS)]


class Body(BaseModel):
    """A request's body; a key that isn't known is refused by its name."""

    model_config = ConfigDict(extra="forbid")


class ClassifyRequest(Body):
    """Texts to classify."""

    texts: Texts
    truncate: bool = Field(
        True, description="Whether a text that is longer than the model sees may be cut."
    )


class Classified(BaseModel):
    """One text's answer."""

    label: str
    score: float = Field(description="Calibrated probability of the label.")
    probabilities: dict[str, float]
    id: str = Field(description="Names this prediction in feedback.")
    truncated: bool = Field(description="Whether the model saw only the text's head and tail.")
    model: str
    version: str
    bundle_digest: str


class FeedbackRequest(Body):
    """The true label of a prediction."""

    id: Annotated[str, Field(min_length=1, max_length=ID_CHARACTERS)]
    label: Annotated[str, Field(min_length=1, max_length=1_000)]


class FeedbackAnswer(BaseModel):
    """What became of a piece of feedback."""

    id: str
    label: str
    predicted: str
    right: bool


class Tensor(BaseModel):
    """What a tensor is called, and its shape; -1 stands for any size."""

    name: str
    datatype: str
    shape: list[int]


class FilledTensor(Tensor):
    """A tensor with its values, flat in row-major order."""

    data: list[bool | float | str]


class AnswerParameters(BaseModel):
    """What else an answer carries."""

    bundle_digest: str


class V2Answer(BaseModel):
    """Answers as tensors: label, score, probabilities, labels, truncated, id."""

    model_name: str
    model_version: str
    id: str
    parameters: AnswerParameters
    outputs: list[FilledTensor]


class V1Answer(BaseModel):
    """Answers in the order of the instances."""

    predictions: list[Classified]


class ModelMetadata(BaseModel):
    """What a model takes and gives."""

    name: str
    platform: str
    inputs: list[Tensor]
    outputs: list[Tensor]


class ModelReadiness(BaseModel):
    """Whether a model can answer."""

    name: str
    ready: bool


class Refusal(BaseModel):
    """Why a request was not answered."""

    code: str
    message: str
    field: str = Field("", description="Where the request is wrong; absent when it isn't.")
    request_id: str = Field(
        "", description="What the log knows the request by; absent when its token was refused."
    )


class RefusalBody(BaseModel):
    """The body of every 4xx and 5xx answer."""

    error: Refusal


Responses = dict[int | str, dict[str, Any]]


def _refusals(told: dict[int, str]) -> Responses:
    return {status: {"model": RefusalBody, "description": says} for status, says in told.items()}


DENIALS = _refusals(
    {
        400: "The request carries several access tokens.",
        401: "A valid access token is needed.",
        403: "The access token does not allow this.",
        503: "Access tokens can't be checked; come again after Retry-After.",
    }
)
"""Of every route that asks for a token."""
UNREADABLE = _refusals(
    {
        400: "The body is not JSON, or the request carries several access tokens.",
        408: "The body took too long.",
        413: "The body is too large.",
        415: "The body is not application/json.",
        422: "A field is wrong; the answer names it.",
    }
)
"""Of every route that reads a body."""
UNANSWERED = _refusals(
    {
        502: "The predictor gave no usable answer.",
        503: "Busy, draining, or the predictor is away; come again after Retry-After.",
        504: "The deadline passed.",
    }
)
REFUSALS: Responses = {**DENIALS, **UNREADABLE, **UNANSWERED}
"""Of every route that predicts."""
JUDGED = _refusals(
    {
        404: "No such prediction was issued.",
        409: "It has its feedback already.",
        503: "It can't be recorded now; come again after Retry-After.",
    }
)
"""Of feedback."""
UNKNOWN_MODEL = _refusals({404: "There is no such model here."})
NOT_READY = _refusals({503: "Requests should not be sent here now."})
