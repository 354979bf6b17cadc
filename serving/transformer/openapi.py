"""The OpenAPI document, without what FastAPI adds and this service never answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

_NEVER_ANSWERED = ("HTTPValidationError", "ValidationError")


def document(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """What `app.openapi` should be.

    FastAPI says of every route with a path parameter that it may answer 422 in FastAPI's own form;
    here a path parameter is any string, and a wrong body is told in ours.

    Args:
        app: The application.

    Returns:
        A function that makes the document, once.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = generate()
            for path in made["paths"].values():
                for operation in path.values():
                    if _NEVER_ANSWERED[0] in str(operation["responses"].get("422")):
                        del operation["responses"]["422"]
            for name in _NEVER_ANSWERED:
                made["components"]["schemas"].pop(name, None)
        return app.openapi_schema or {}

    return openapi
