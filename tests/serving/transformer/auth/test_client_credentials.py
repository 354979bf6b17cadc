from __future__ import annotations

import asyncio
import base64
import json
from urllib.parse import parse_qsl

import pytest
from aiohttp import web

from components.contract.errors import InputError, IntegrityError, TamisError
from serving.transformer.auth.client_credentials import (
    ClientCredentials,
    ClientSettings,
    GrantRefusedError,
)
from tests.serving.transformer.auth.loopback import loopback

SOUND = {"access_token": "a.b.c", "token_type": "bearer", "expires_in": 3_600}


def run_with(answer, use, **changes):
    """Use a client whose issuer answers so; what it was sent comes back too."""
    requests = []

    async def token(request):
        requests.append((request.headers.copy(), await request.text()))
        if callable(answer):
            return await answer(request)
        return web.json_response(answer)

    async def run():
        async with loopback() as server:
            server.documents["/token"] = token
            settings = {"client_id": "me", "client_secret": "s", "scope": "predict"} | changes
            client = ClientCredentials(ClientSettings(f"{server.url}/token", **settings))
            return await use(client)

    return asyncio.run(run()), requests


async def once(client):
    return await client.access_token()


async def thrice(client):
    return [await client.access_token() for _ in range(3)]


async def at_once(client):
    return await asyncio.gather(*(client.access_token() for _ in range(10)))


def test_the_request_is_what_rfc_6749_asks_for():
    token, ((headers, body),) = run_with(SOUND, once, resource="tamis")
    assert token == "a.b.c"
    assert dict(parse_qsl(body)) == {
        "grant_type": "client_credentials",
        "scope": "predict",
        "resource": "tamis",
    }
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert headers["authorization"] == "Basic " + base64.b64encode(b"me:s").decode()


def test_a_secret_with_signs_is_encoded_before_it_is_joined():
    _, ((headers, _),) = run_with(SOUND, once, client_id="a:b", client_secret="s:%é +")
    text = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
    assert text == "a%3Ab:s%3A%25%C3%A9%20%2B"


def test_the_secret_in_the_form():
    _, ((headers, body),) = run_with(SOUND, once, auth_method="client_secret_post")
    assert "authorization" not in headers
    assert dict(parse_qsl(body))["client_secret"] == "s"


@pytest.mark.parametrize("use", [thrice, at_once])
def test_a_token_is_kept(use):
    tokens, requests = run_with(SOUND, use)
    assert set(tokens) == {"a.b.c"}
    assert len(requests) == 1


@pytest.mark.parametrize("expires_in", [0, 30, None, "3600", -5])
def test_a_token_that_does_not_last_is_not_kept(expires_in):
    _, requests = run_with(SOUND | {"expires_in": expires_in}, thrice)
    assert len(requests) == 3


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"access_token": "a"},
        {"access_token": 7, "token_type": "Bearer"},
        {"access_token": "", "token_type": "Bearer"},
        {"access_token": "a", "token_type": "DPoP"},
        {"access_token": "a", "token_type": ["Bearer"]},
        [],
        "token",
    ],
)
def test_an_answer_that_is_no_token(answer):
    with pytest.raises(IntegrityError) as refusal:
        run_with(answer, once)
    assert refusal.value.code == "bad_token_answer"


def test_a_refusal_is_told_without_the_secret():
    async def refuse(request):
        return web.json_response({"error": "invalid_client"}, status=401)

    with pytest.raises(GrantRefusedError, match="invalid_client") as refusal:
        run_with(refuse, once, client_secret="my-own-secret")
    assert "my-own-secret" not in str(refusal.value)


def test_a_redirect_does_not_take_the_secret_along():
    async def elsewhere(request):
        return web.Response(status=307, headers={"location": "/other"})

    with pytest.raises(TamisError):
        run_with(elsewhere, once)


def test_nobody_there_and_an_address_that_is_not_secure():
    with pytest.raises(TamisError) as refusal:
        asyncio.run(
            ClientCredentials(ClientSettings("http://127.0.0.1:9/token", "a", "b")).access_token()
        )
    assert refusal.value.code == "unreachable"
    with pytest.raises(InputError):
        ClientCredentials(ClientSettings("http://issuer.example/token", "a", "b"))


def test_settings_do_not_show_the_secret():
    assert "hidden" not in repr(ClientSettings("https://a.example", "me", "hidden"))
    assert json.dumps(SOUND)
