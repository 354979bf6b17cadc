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


class Refusal(BaseModel):
    """Why a request was not answered."""

    code: str
    message: str
    field: str | None = None
    request_id: str


class RefusalBody(BaseModel):
    """The body of every 4xx and 5xx answer but 401 and 403."""

    error: Refusal


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": RefusalBody, "description": told}
    for status, told in {
        400: "The body is not JSON.",
        413: "The body is too large.",
        415: "The body is not application/json.",
        422: "A field is wrong; the answer names it.",
        502: "The predictor gave no usable answer.",
        503: "Busy, draining, or the predictor is away; come again after Retry-After.",
        504: "The deadline passed.",
    }.items()
}
