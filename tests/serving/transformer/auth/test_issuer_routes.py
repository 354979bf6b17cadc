from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from fastapi import FastAPI

from serving.transformer.auth.issuer import Issuer
from serving.transformer.auth.issuer_routes import issuer_routes
from serving.transformer.auth.issuer_settings import IssuerSettings
from serving.transformer.auth.keys import parse_key_set

FORM = {"content-type": "application/x-www-form-urlencoded"}
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def issuer(tmp_path):
    return Issuer(IssuerSettings(tmp_path / "issuer"))


@pytest.fixture
def secret(issuer):
    return issuer.clients.register("notebook", frozenset({"predict"}))


def ask(issuer, method, path, **options):
    async def run():
        app = FastAPI()
        app.include_router(issuer_routes(issuer))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://tamis") as client:
            return await client.request(method, path, **options)

    return asyncio.run(run())


def test_a_token_by_basic_and_by_form(issuer, secret):
    basic = ask(issuer, "POST", "/oauth/token", data=GRANT, auth=("notebook", secret))
    post = ask(
        issuer,
        "POST",
        "/oauth/token",
        data=GRANT | {"client_id": "notebook", "client_secret": secret},
    )
    for answer in (basic, post):
        assert answer.status_code == 200
        assert answer.json().keys() == {"access_token", "token_type", "expires_in", "scope"}
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["pragma"] == "no-cache"


def test_a_wrong_secret_is_challenged(issuer, secret):
    answer = ask(issuer, "POST", "/oauth/token", data=GRANT, auth=("notebook", "wrong"))
    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_client"}
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert answer.headers["cache-control"] == "no-store"


def test_guessing_is_told_when_to_come_again(issuer):
    form = GRANT | {"client_id": "a", "client_secret": "b"}

    async def run():
        app = FastAPI()
        app.include_router(issuer_routes(issuer))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://tamis") as client:
            return [await client.post("/oauth/token", data=form) for _ in range(6)]

    answers = asyncio.run(run())
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"content-type": "application/json"}, json.dumps(GRANT), 415),
        ({}, "grant_type=client_credentials", 415),
        (FORM, "x" * 8_193, 413),
        (FORM, "grant_type=password", 400),
        (FORM, b"\xff\xfe", 400),
        (FORM | {"content-type": FORM["content-type"] + "; charset=utf-8"}, "a=b", 400),
    ],
)
def test_what_is_no_token_request(issuer, headers, content, status):
    answer = ask(issuer, "POST", "/oauth/token", headers=headers, content=content)
    assert answer.status_code == status
    assert answer.json()["error"] in ("invalid_request", "unsupported_grant_type")


def test_two_headers_are_one_too_many(issuer, secret):
    headers = [("authorization", "Basic YTpi"), ("authorization", "Basic YTpj"), *FORM.items()]
    content = "grant_type=client_credentials"
    answer = ask(issuer, "POST", "/oauth/token", headers=headers, content=content)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


def test_a_damaged_client_file_is_nobodys_business(issuer, tmp_path):
    (tmp_path / "issuer" / "clients.json").write_text("junk")
    form = GRANT | {"client_id": "a", "client_secret": "b"}
    answer = ask(issuer, "POST", "/oauth/token", data=form)
    assert (answer.status_code, answer.json()) == (503, {"error": "temporarily_unavailable"})


def test_no_get_and_no_token_in_the_query(issuer, secret):
    path = f"/oauth/token?client_id=notebook&client_secret={secret}&grant_type=client_credentials"
    assert ask(issuer, "GET", path).status_code == 405
    assert ask(issuer, "POST", path, headers=FORM).status_code == 400


def test_keys_and_metadata_are_for_everybody(issuer):
    keys = ask(issuer, "GET", "/.well-known/jwks.json")
    assert keys.headers["content-type"] == "application/jwk-set+json"
    assert len(parse_key_set(keys.content, "there")) == 1
    openid = ask(issuer, "GET", "/.well-known/openid-configuration")
    oauth = ask(issuer, "GET", "/.well-known/oauth-authorization-server")
    assert openid.json() == oauth.json() == issuer.metadata()
