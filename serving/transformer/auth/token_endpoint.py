"""The client credentials grant: from a form and credentials to a token, or RFC 6749's error.

https://www.rfc-editor.org/rfc/rfc6749#section-4.4
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, unquote_plus

MAX_FORM_BYTES = 8_192
"""Four short parameters."""
MAX_FORM_FIELDS = 16
GRANT_TYPE = "client_credentials"

GrantProblem = Literal[
    "invalid_request",
    "invalid_client",
    "invalid_scope",
    "invalid_target",
    "unsupported_grant_type",
    "temporarily_unavailable",
]


class GrantError(Exception):
    """A token that isn't issued.

    Args:
        error: RFC 6749's (or RFC 8707's) error code.
        status: HTTP status.
        retry_after_s: Seconds after which to come again; 0 for none.
    """

    def __init__(self, error: GrantProblem, status: int = 400, retry_after_s: int = 0) -> None:
        super().__init__(error)
        self.error, self.status, self.retry_after_s = error, status, retry_after_s


@dataclass(frozen=True)
class TokenRequest:
    """What a client asks for, and how it says who it is.

    Attributes:
        client_id: Its name.
        secret: Its secret.
        scopes: The scopes that it wants; empty for all that it may have.
        resource: The audience that it wants (RFC 8707); empty for the only one there is.
    """

    client_id: str
    secret: str
    scopes: frozenset[str]
    resource: str


def read_request(authorization: str | None, body: bytes) -> TokenRequest:
    """A token request, from what a client sent.

    Args:
        authorization: The Authorization header; None for none.
        body: The form.

    Returns:
        The request.

    Raises:
        GrantError: It isn't one.
    """
    form = _read_form(body)
    if form.get("grant_type") != GRANT_TYPE:
        known = "grant_type" in form
        raise GrantError("unsupported_grant_type" if known else "invalid_request")
    if authorization is not None and "client_secret" in form:
        raise GrantError("invalid_request")  # section 2.3: one method in a request
    if authorization is not None:
        client_id, secret = _basic(authorization)
        if form.get("client_id", client_id) != client_id:
            raise GrantError("invalid_request")
    else:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    if not client_id or not secret:
        raise GrantError("invalid_client", 401)
    scopes = frozenset(scope for scope in form.get("scope", "").split(" ") if scope)
    return TokenRequest(client_id, secret, scopes, form.get("resource", ""))


def _read_form(body: bytes) -> Mapping[str, str]:
    if len(body) > MAX_FORM_BYTES:
        raise GrantError("invalid_request", 413)
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=MAX_FORM_FIELDS,
        )
    except ValueError as error:
        raise GrantError("invalid_request") from error
    form = dict(pairs)
    if len(form) != len(pairs):  # section 3.2: no parameter twice
        raise GrantError("invalid_request")
    return form


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise GrantError("invalid_client", 401)
    try:
        decoded = base64.b64decode(credentials.strip(" "), validate=True).decode("utf-8")
        client_id, colon, secret = decoded.partition(":")
        if not colon:
            raise GrantError("invalid_client", 401)
        return unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise GrantError("invalid_client", 401) from error
