from __future__ import annotations

import json

import pytest

from serving.transformer.auth.errors import (
    AuthError,
    ForbiddenError,
    MalformedRequestError,
    NoCredentialsError,
    UnauthenticatedError,
    UnavailableError,
)
from serving.transformer.auth.keys import UnknownKeyError


@pytest.mark.parametrize(
    ("error", "status", "challenge"),
    [
        (NoCredentialsError("no_token"), 401, 'Bearer realm="tamis"'),
        (UnauthenticatedError("expired"), 401, 'Bearer realm="tamis", error="invalid_token"'),
        (UnknownKeyError("unknown_key"), 401, 'Bearer realm="tamis", error="invalid_token"'),
        (
            MalformedRequestError("several_tokens"),
            400,
            'Bearer realm="tamis", error="invalid_request"',
        ),
        (
            ForbiddenError("not_granted", "drift:read"),
            403,
            'Bearer realm="tamis", error="insufficient_scope", scope="drift:read"',
        ),
        (UnavailableError("keys_unavailable"), 503, None),
    ],
)
def test_status_and_challenge(error, status, challenge):
    assert error.status == status
    assert error.headers.get("www-authenticate") == challenge
    assert error.headers["cache-control"] == "no-store"
    assert ("retry-after" in error.headers) is (status == 503)


def test_bodies_tell_statuses_apart_and_nothing_else():
    for kind in (NoCredentialsError, UnauthenticatedError, ForbiddenError, UnavailableError):
        bodies = {kind(reason).body for reason in ("expired", "bad_signature", "not_granted")}
        assert len(bodies) == 1
        assert json.loads(bodies.pop())["error"].keys() == {"code", "message"}
    assert NoCredentialsError("no_token").body == UnauthenticatedError("expired").body


def test_no_text_of_an_error_tells_the_reason():
    error = UnauthenticatedError("bad_signature")
    assert isinstance(error, AuthError)
    assert "signature" not in str(error) + repr(error) + error.body.decode() + str(error.headers)
