from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.transformer.auth.token_endpoint import MAX_FORM_BYTES, GrantError, read_request

GRANT = "grant_type=client_credentials"


def basic(text, scheme="Basic"):
    return f"{scheme} {base64.b64encode(text.encode()).decode()}"


def test_secret_in_the_header():
    request = read_request(basic("me:se%3Acret%2B+x"), f"{GRANT}&scope=predict+feedback".encode())
    assert (request.client_id, request.secret) == ("me", "se:cret+ x")
    assert request.scopes == {"predict", "feedback"}
    assert request.resource == ""


def test_secret_in_the_form():
    form = f"{GRANT}&client_id=me&client_secret=s%26x&resource=tamis".encode()
    request = read_request(None, form)
    assert (request.client_id, request.secret, request.resource) == ("me", "s&x", "tamis")
    assert request.scopes == frozenset()


def test_the_header_may_have_the_id_repeated_in_the_form():
    assert read_request(basic("me:s"), f"{GRANT}&client_id=me".encode()).client_id == "me"
    assert read_request(basic("me:s", "bAsIc"), GRANT.encode()).client_id == "me"


@pytest.mark.parametrize(
    ("authorization", "form", "error", "status"),
    [
        (None, "", "invalid_request", 400),
        (None, "client_id=me&client_secret=s", "invalid_request", 400),
        (None, "grant_type=password&username=u", "unsupported_grant_type", 400),
        (None, "grant_type=authorization_code&code=c", "unsupported_grant_type", 400),
        (None, "grant_type=", "unsupported_grant_type", 400),
        (None, GRANT, "invalid_client", 401),
        (None, f"{GRANT}&client_id=me", "invalid_client", 401),
        (None, f"{GRANT}&client_id=me&client_secret=", "invalid_client", 401),
        (None, f"{GRANT}&client_id=&client_secret=s", "invalid_client", 401),
        (None, f"{GRANT}&{GRANT}", "invalid_request", 400),
        (None, f"{GRANT}&scope=a&scope=b", "invalid_request", 400),
        (None, f"{GRANT}&client_id=%ff", "invalid_request", 400),
        (None, f"{GRANT}&x", "invalid_request", 400),
        (None, GRANT + "&a=b" * 20, "invalid_request", 400),
        (None, GRANT + "&a=" + "b" * MAX_FORM_BYTES, "invalid_request", 413),
        (None, '{"grant_type":"client_credentials"}', "invalid_request", 400),
        (None, f"{GRANT}&scope=é", "invalid_request", 400),
        ("Basic bWU6cw==", f"{GRANT}&client_secret=s", "invalid_request", 400),
        ("Basic bWU6cw==", f"{GRANT}&client_id=you", "invalid_request", 400),
        ("Basic", GRANT, "invalid_client", 401),
        ("Basic bWU=", GRANT, "invalid_client", 401),
        ("Basic !!!", GRANT, "invalid_client", 401),
        ("Basic /w==", GRANT, "invalid_client", 401),
        ("Basic OnM=", GRANT, "invalid_client", 401),
        ("Basic bWU6", GRANT, "invalid_client", 401),
        ("Bearer x.y.z", GRANT, "invalid_client", 401),
        ("Basic bWU6JWZm", GRANT, "invalid_client", 401),
    ],
)
def test_what_is_no_token_request(authorization, form, error, status):
    with pytest.raises(GrantError) as refusal:
        read_request(authorization, form.encode())
    assert (refusal.value.error, refusal.value.status) == (error, status)


@given(st.none() | st.text(max_size=40), st.binary(max_size=80))
def test_anything_is_read_or_refused(authorization, body):
    try:
        request = read_request(authorization, body)
    except GrantError:
        return
    assert request.client_id
    assert request.secret
