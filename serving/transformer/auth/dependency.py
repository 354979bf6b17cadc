"""`Depends(requires("predict"))`: the gate in front of a FastAPI route."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.responses import Response
from fastapi.security.base import SecurityBase

from serving.transformer.auth.errors import AuthError, MalformedRequestError, NoCredentialsError
from serving.transformer.auth.gate import Gate
from serving.transformer.auth.principal import Principal
from serving.transformer.auth.roles import Verb

MODEL_PARAMETER = "model"


class Requires(SecurityBase):
    """A dependency that lets a request in by the gate in `app.state.gate`.

    Args:
        verb: What the route does.
        model_of: The model that a request is about; None for the served one.
    """

    model = HTTPBearer(bearerFormat="JWT", description="An OAuth 2 access token (RFC 9068).")
    scheme_name = "access_token"

    def __init__(self, verb: Verb, model_of: Callable[[Request], str | None]) -> None:
        self.verb, self._model_of = verb, model_of

    async def __call__(self, request: Request) -> Principal:
        """Who asks.

        Args:
            request: The request.

        Returns:
            The principal.

        Raises:
            AuthError: When it isn't let in.
        """
        gate: Gate = request.app.state.gate
        model = self._model_of(request)
        request_id = str(request.scope.get("state", {}).get("request_id", ""))
        # From the scope itself: each look into Starlette's headers decodes all of them.
        headers = [value for name, value in request.scope["headers"] if name == b"authorization"]
        in_query = _has_token(request.scope["query_string"])
        if len(headers) > 1 or (headers and in_query):
            raise gate.refuse(MalformedRequestError("several_tokens"), self.verb, model, request_id)
        if in_query:  # RFC 9700, section 4.3.2: it would end up in logs and histories
            raise gate.refuse(NoCredentialsError("query_token"), self.verb, model, request_id)
        authorization = headers[0].decode("latin-1") if headers else None
        return await gate.admit(authorization, self.verb, model, request_id)


def requires(verb: Verb, model_of: Callable[[Request], str | None] | None = None) -> Requires:
    """A dependency for routes that need leave to do something.

    Args:
        verb: What the route does.
        model_of: The model that a request is about; by default the path's `model`, or else the
            served one.

    Returns:
        A dependency whose value is the `Principal`.
    """
    return Requires(verb, model_of or _model_in_path)


def answer(error: AuthError) -> Response:
    """The response to a request that isn't let in: the same body for each of its status."""
    return Response(error.body, error.status, error.headers, "application/json")


def install(app: FastAPI, gate: Gate) -> None:
    """Put the gate where `requires` looks for it, and answer its refusals.

    Args:
        app: The application.
        gate: The gate; starting and closing it stays with the application's lifespan.
    """

    async def refused(_: Request, error: Exception) -> Response:
        if not isinstance(error, AuthError):
            raise error
        return answer(error)

    app.state.gate = gate
    app.add_exception_handler(AuthError, refused)


def _model_in_path(request: Request) -> str | None:
    model = request.path_params.get(MODEL_PARAMETER)
    return model if isinstance(model, str) else None


def _has_token(query: bytes) -> bool:
    if b"access" not in query.lower() and b"%" not in query:
        return False
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return any(name.lower() == "access_token" for name, _ in pairs)
