"""Refusals: what a client is told, and what the audit log alone is told.

A client learns the status and RFC 6750's error code, and reads the same body for every refusal of
that status; why exactly its token was refused would help nobody but an attacker.
https://www.rfc-editor.org/rfc/rfc6750#section-3.1
"""

from __future__ import annotations

import json
from typing import ClassVar

from components.contract.errors import TamisError
from serving.transformer.auth.reasons import Reason

REALM = "tamis"
RETRY_AFTER_S = 5
"""An issuer's keys are asked for again about as soon as this."""


class AuthError(TamisError):
    """A request that is not let in.

    Args:
        reason: Why, for the audit log; it never reaches the client.
        scope: The scope that would have been enough; empty when that is not the trouble.

    Attributes:
        status: HTTP status.
        error: RFC 6750's error code; empty for none.
        code: The body's error code, one for each status.
        message: The body's sentence, one for each status.
    """

    status: ClassVar[int] = 401
    error: ClassVar[str] = "invalid_token"
    body_code: ClassVar[str] = "unauthenticated"
    sentence: ClassVar[str] = "A valid access token is needed."

    def __init__(self, reason: Reason, scope: str = "") -> None:
        super().__init__(self.body_code, self.sentence)
        self.reason = reason
        self.scope = scope

    @property
    def headers(self) -> dict[str, str]:
        """The response's headers: the challenge that RFC 6750 asks for, and no caching."""
        challenge = f'Bearer realm="{REALM}"'
        if self.error:
            challenge += f', error="{self.error}"'
        if self.scope:
            challenge += f', scope="{self.scope}"'
        return {"www-authenticate": challenge, "cache-control": "no-store"}

    @property
    def body(self) -> bytes:
        """The response's body (JSON): the same bytes for each refusal of this status."""
        return json.dumps({"error": {"code": self.code, "message": self.message}}).encode()


class UnauthenticatedError(AuthError):
    """401: the access token is not one that this service takes."""


class NoCredentialsError(AuthError):
    """401: nothing that this service reads as credentials was sent.

    RFC 6750 wants no error code here: the client may simply not have known.
    """

    error = ""


class MalformedRequestError(AuthError):
    """400: more than one access token in a request."""

    status = 400
    error = "invalid_request"
    body_code = "ambiguous_credentials"
    sentence = "A request carries its access token once, in the Authorization header."


class ForbiddenError(AuthError):
    """403: the token is valid and does not allow this."""

    status = 403
    error = "insufficient_scope"
    body_code = "forbidden"
    sentence = "The access token does not allow this."


class UnavailableError(AuthError):
    """503: the issuer's keys were never seen, so no token can be judged."""

    status = 503
    error = ""
    body_code = "auth_unavailable"
    sentence = "Access tokens can't be checked at the moment."

    @property
    def headers(self) -> dict[str, str]:
        """No challenge: another token would fare no better; when to come again."""
        return {"retry-after": str(RETRY_AFTER_S), "cache-control": "no-store"}
