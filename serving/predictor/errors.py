"""What a client is told when a request can't be answered."""

from __future__ import annotations

from collections.abc import Sequence

from components.contract.errors import TamisError
from serving.predictor.limits import RETRY_AFTER_S


class RequestError(TamisError):
    """A refusal that a client sees.

    Args:
        status: HTTP status (RFC 9110, https://www.rfc-editor.org/rfc/rfc9110#section-15).
        code: Stable machine-readable name, `snake_case`.
        message: One sentence; never a stack, a path or a text.
        field: Where in the request it is wrong, e.g. `inputs[0].shape`; may be empty.
        hint: What the client can do about it; may be empty.
        retry_after: Seconds after which to come again; 0 for none.
        texts: Numbers of the texts that are to blame, counted from 0; may be empty.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str = "",
        hint: str = "",
        retry_after: int = 0,
        texts: Sequence[int] = (),
    ) -> None:
        super().__init__(code, message, hint)
        self.status, self.field = status, field
        self.retry_after, self.texts = retry_after, tuple(texts)


def bad_request(code: str, field: str, sentence: str, hint: str = "") -> RequestError:
    """400: what is wrong with one field.

    Args:
        code: The error's code.
        field: The field, which starts the sentence.
        sentence: The rest, e.g. `must be a list.`
        hint: What to do.

    Returns:
        The error.
    """
    return RequestError(400, code, f"{field} {sentence}", field=field, hint=hint)


def overloaded() -> RequestError:
    """503: more is waiting than can be done in time."""
    return RequestError(503, "overloaded", "Too many texts are waiting.", retry_after=RETRY_AFTER_S)


def too_late() -> RequestError:
    """504: the deadline passed before the last text was scored."""
    return RequestError(504, "deadline_exceeded", "The answer was not ready in time.")


def scoring_failed(texts: Sequence[int]) -> RequestError:
    """500: the model failed on some texts; the request's others are not at fault."""
    return RequestError(
        500,
        "scoring_failed",
        f"The model gives no score for {len(texts)} of the texts.",
        hint="Leave those texts out.",
        texts=texts,
    )
