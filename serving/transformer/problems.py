"""What a client is told when a request can't be answered: a code, one sentence, a request id."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response


class RefusalError(Exception):
    """A refusal that a client sees.

    Args:
        status: HTTP status.
        code: Stable machine-readable name, `snake_case`.
        message: One sentence; never a stack, a path or another client's data.
        field: Where in the body it is wrong, e.g. `texts[3]`; empty when it isn't the body.
        retry_after: Seconds after which to come again; 0 for none.
    """

    def __init__(
        self, status: int, code: str, message: str, field: str = "", retry_after: int = 0
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.field, self.retry_after = field, retry_after

    def response(self, request_id: str) -> Response:
        """The answer: `{"error": {"code", "message", "field"?, "request_id"}}`.

        Args:
            request_id: What the log knows the request by.

        Returns:
            A JSON response.
        """
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.field:
            error["field"] = self.field
        error["request_id"] = request_id
        headers = {"retry-after": str(self.retry_after)} if self.retry_after else {}
        if self.status == 408:
            headers["connection"] = "close"  # what is left of the body is not wanted
        return Response(
            orjson.dumps({"error": error}),
            self.status,
            headers,
            media_type="application/json",
        )


def overloaded() -> RefusalError:
    """More work is waiting than can be done in time."""
    return RefusalError(503, "overloaded", "The service is busy; try again.", retry_after=1)


def too_late() -> RefusalError:
    """The deadline passed."""
    return RefusalError(
        504, "deadline_exceeded", "The answer was not ready in time.", retry_after=1
    )


def no_predictor() -> RefusalError:
    """Nobody answers where the predictor should be."""
    return RefusalError(503, "predictor_unavailable", "The model is not available.", retry_after=2)


def bad_predictor() -> RefusalError:
    """What the predictor answers makes no sense."""
    return RefusalError(502, "predictor_failed", "The model gave no usable answer.", retry_after=1)
