"""Request bodies: read within limits, parsed strictly, errors that name the field."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from serving.transformer.limits import BODY_BYTES, BODY_SECONDS, FIELD_CHARACTERS
from serving.transformer.problems import RefusalError

T = TypeVar("T", bound=BaseModel)
JSON = "application/json"


def json_body(model: type[T]) -> Callable[[Request], Awaitable[T]]:
    """A dependency that reads a body as JSON straight into a model, one parse instead of two.

    Args:
        model: A pydantic model.

    Returns:
        A dependency; it raises `RefusalError` 408, 413, 415, 400 or 422.
    """

    async def read(request: Request) -> T:
        check_type(request, JSON)
        raw = await read_body(request)
        try:
            return model.model_validate_json(raw, strict=True)
        except ValidationError as error:
            raise invalid(error) from None

    return read


async def read_body(request: Request) -> bytes:
    """A body of at most `BODY_BYTES`.

    Args:
        request: The request.

    Returns:
        Its bytes.

    Raises:
        RefusalError: 413 as soon as it is too long, 415 when it is compressed, 408 when it takes
            too long, 400 when the client has gone.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise _unsupported("content-encoding", "Send the body as it is, not compressed.")
    told = request.headers.get("content-length", "0")
    if told.isdecimal() and int(told[:12]) > BODY_BYTES:
        raise _too_large()
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > BODY_BYTES:
                    raise _too_large()
                parts.append(part)
    except TimeoutError:
        raise RefusalError(408, "body_timeout", "The body took too long.", "body") from None
    except ClientDisconnect:
        raise RefusalError(400, "incomplete_body", "The body ended early.") from None
    return b"".join(parts)


def invalid(error: ValidationError) -> RefusalError:
    """The first thing that is wrong with a body, by its field.

    Args:
        error: What pydantic found; its messages quote no input here.

    Returns:
        400 for what isn't JSON, 422 for the wrong JSON.
    """
    first = error.errors(include_url=False, include_context=True, include_input=False)[0]
    if first["type"] == "json_invalid":
        return bad_json()
    field = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]
    ).lstrip(".")[:FIELD_CHARACTERS]
    message = first["msg"].removeprefix("Value error, ")
    return RefusalError(422, "invalid_field", f"{field or 'body'}: {message}.", field or "body")


def schema(model: type[BaseModel], **examples: Any) -> dict[str, Any]:
    """OpenAPI's description of a body that a dependency reads by itself.

    Args:
        model: The body's model.
        **examples: Name -> example body.

    Returns:
        What a route's `openapi_extra` takes.
    """
    content = {
        "schema": _inline(model.model_json_schema()),
        "examples": {name: {"value": value} for name, value in examples.items()},
    }
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def check_type(request: Request, wanted: str) -> None:
    """Refuse a body that says it is something else.

    Args:
        request: The request.
        wanted: A media type.

    Raises:
        RefusalError: 415 `unsupported_media_type`.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != wanted:
        raise _unsupported("content-type", f"Send the body as {wanted}.")


def bad_json() -> RefusalError:
    """The body is no JSON (RFC 8259, https://www.rfc-editor.org/rfc/rfc8259)."""
    return RefusalError(400, "bad_json", "The body is not valid JSON.", field="body")


def _unsupported(header: str, sentence: str) -> RefusalError:
    return RefusalError(415, "unsupported_media_type", sentence, header)


def _inline(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with references replaced: inside OpenAPI's document `#/$defs` is another place."""
    definitions = schema.pop("$defs", {})

    def resolved(part: Any) -> Any:
        if isinstance(part, list):
            return [resolved(item) for item in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            found = resolved(definitions[part["$ref"].rpartition("/")[2]])
            return {**found, **{key: value for key, value in part.items() if key != "$ref"}}
        return {key: resolved(value) for key, value in part.items()}

    return {key: resolved(value) for key, value in schema.items()}


def _too_large() -> RefusalError:
    return RefusalError(
        413, "body_too_large", f"A body may have {BODY_BYTES} bytes; send several.", "body"
    )
