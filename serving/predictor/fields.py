"""Checks of a request's fields; each refusal names the field in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from components.contract.settings import neighbours
from serving.predictor.errors import RequestError, bad_request
from serving.predictor.limits import ID_CHARACTERS, TEXT_CHARACTERS, TEXTS


def parse(raw: bytes) -> dict[str, Any]:
    """A body's JSON object (RFC 8259, https://www.rfc-editor.org/rfc/rfc8259).

    NaN, infinities, lone surrogates, bytes that are not UTF-8 and depths beyond 1,024 are no JSON.

    Args:
        raw: The body.

    Returns:
        The object.

    Raises:
        RequestError: `bad_json`.
    """
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise bad_request(
            "bad_json", "body", f"is not JSON at line {error.lineno}, column {error.colno}."
        ) from None
    return an_object(document, "body")


def an_object(value: object, field: str) -> dict[str, Any]:
    """A JSON object; `bad_type` otherwise."""
    if not isinstance(value, dict):
        raise _wrong_type(field, "an object", value)
    return value


def optional_object(mapping: Mapping[str, Any], name: str, field: str) -> dict[str, Any]:
    """An object member that may be missing or null, as clients write it; `bad_type` otherwise."""
    value = mapping.get(name)
    return {} if value is None else an_object(value, field)


def a_list(value: object, field: str) -> list[Any]:
    """A JSON list; `bad_type` otherwise."""
    if not isinstance(value, list):
        raise _wrong_type(field, "a list", value)
    return value


def flag(mapping: Mapping[str, Any], name: str, default: bool, field: str) -> bool:
    """A boolean member that may be missing; `bad_type` when it is something else."""
    value = mapping.get(name, default)
    if not isinstance(value, bool):
        raise _wrong_type(f"{field}.{name}", "true or false", value)
    return value


def known_keys(mapping: Mapping[str, Any], known: Sequence[str], field: str) -> None:
    """Refuse members that nobody reads: a mistyped name must not pass for a default.

    Args:
        mapping: The object.
        known: Names it may have.
        field: Where it is; empty for the body.

    Raises:
        RequestError: `unknown_field`.
    """
    for key in mapping:
        if key not in known:
            where = f"{field}.{key[:80]}" if field else key[:80]
            raise bad_request("unknown_field", where, "is not known.", neighbours(key[:80], known))


def required(mapping: Mapping[str, Any], name: str, field: str) -> Any:
    """A member that must be there; `missing_field` otherwise."""
    if name not in mapping:
        raise bad_request("missing_field", f"{field}.{name}" if field else name, "must be given.")
    return mapping[name]


def request_id(mapping: Mapping[str, Any]) -> str:
    """The request's id, empty when it has none; `bad_id` when it can't be one."""
    value = mapping.get("id", "")
    if not isinstance(value, str) or len(value) > ID_CHARACTERS:
        raise bad_request(
            "bad_id", "id", f"must be a string of at most {ID_CHARACTERS} characters."
        )
    return value


def some_texts(values: Sequence[Any], field: str) -> None:
    """Check a request's texts.

    Args:
        values: What should be texts.
        field: Where they are.

    Raises:
        RequestError: `no_texts`, `too_many_texts`, `bad_type` or `text_too_large`, naming the
            first that is wrong.
    """
    if not values:
        raise bad_request("no_texts", field, "must hold at least one text.")
    if len(values) > TEXTS:
        raise bad_request(
            "too_many_texts", field, f"holds {len(values)} texts, more than {TEXTS}.", "Send parts."
        )
    for i, value in enumerate(values):
        a_text(value, field, i)


def a_text(value: object, field: str, i: int) -> None:
    """Check one text; `bad_type` or `text_too_large` otherwise."""
    if not isinstance(value, str):
        raise _wrong_type(f"{field}[{i}]", "a string", value)
    if len(value) > TEXT_CHARACTERS:
        raise bad_request(
            "text_too_large",
            f"{field}[{i}]",
            f"has {len(value)} characters, more than {TEXT_CHARACTERS}.",
        )


_NAMES = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def _wrong_type(field: str, wanted: str, value: object) -> RequestError:
    return bad_request("bad_type", field, f"must be {wanted}, not {_NAMES[type(value)]}.")
