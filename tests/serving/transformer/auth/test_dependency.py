from __future__ import annotations

import asyncio
import json
import logging
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, Request

from components.contract.logs import JsonFormatter
from serving.transformer.auth.authenticator import Authenticator
from serving.transformer.auth.dependency import install, requires
from serving.transformer.auth.gate import Gate
from serving.transformer.auth.key_source import FileKeys
from serving.transformer.auth.principal import Principal
from serving.transformer.auth.remote_keys import RemoteKeys, RemoteKeySettings
from serving.transformer.auth.roles import Policy, RoleTable
from serving.transformer.auth.rules import TokenRules
from tests.serving.transformer.auth.forge import AUDIENCE, ISSUER, NOW
from tests.serving.transformer.auth.hostile_tokens import HOSTILE

Predicting = Annotated[Principal, Depends(requires("predict"))]
Watching = Annotated[Principal, Depends(requires("drift:read"))]
Special = Annotated[Principal, Depends(requires("predict", lambda request: "special"))]


def application(source) -> FastAPI:
    app = FastAPI()
    authenticator = Authenticator(source, TokenRules(ISSUER, AUDIENCE), lambda: NOW)
    install(app, Gate(authenticator, Policy(RoleTable()), "sentiment"))

    @app.middleware("http")
    async def name_request(request: Request, call_next):
        request.state.request_id = "request-7"
        return await call_next(request)

    @app.post("/classify")
    async def classify(principal: Predicting) -> dict[str, str]:
        return {"subject": principal.subject}

    @app.post("/v2/models/{model}/infer")
    async def infer(model: str, principal: Predicting) -> dict[str, str]:
        return {"subject": principal.subject, "model": model}

    @app.get("/drift")
    async def drift(principal: Watching) -> dict[str, str]:
        return {"subject": principal.subject}

    @app.get("/special")
    async def special(principal: Special) -> dict[str, str]:
        return {"subject": principal.subject}

    return app


@pytest.fixture
def app(tmp_path, forge):
    path = tmp_path / "jwks.json"
    path.write_bytes(forge.key_set)
    return application(FileKeys(path))


def ask(app, method, url, *headers):
    async def run():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://tamis") as client:
            return await client.request(method, url, headers=list(headers))

    return asyncio.run(run())


def bearer(token):
    return ("authorization", f"Bearer {token}")


def test_a_route_gets_its_principal(app, forge):
    answer = ask(app, "POST", "/classify", bearer(forge.token()))
    assert (answer.status_code, answer.json()) == (200, {"subject": "alice"})


def test_the_model_is_the_paths_or_the_served_one_or_what_the_route_says(app, forge, caplog):
    caplog.set_level(logging.INFO, "tamis")
    narrow = forge.with_claims(scope="predict/spam")
    assert ask(app, "POST", "/v2/models/spam/infer", bearer(narrow)).status_code == 200
    assert ask(app, "POST", "/v2/models/other/infer", bearer(narrow)).status_code == 403
    assert ask(app, "POST", "/classify", bearer(narrow)).status_code == 403
    assert ask(app, "GET", "/special", bearer(narrow)).status_code == 403
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    assert [line["model"] for line in lines] == ["spam", "other", "sentiment", "special"]
    assert {line["request_id"] for line in lines} == {"request-7"}


def test_each_refusal_of_a_status_looks_the_same(app, forge):
    answers = [
        ask(app, "POST", "/classify", bearer(forge.with_claims(**changes)))
        for changes in ({"exp": 1}, {"aud": "other"}, {"iss": "https://other.example"})
    ]
    answers.append(ask(app, "POST", "/classify", bearer(forge.with_header(alg="none"))))
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["www-authenticate"] for answer in answers}) == 1
    absent = ask(app, "POST", "/classify")
    assert absent.content == answers[0].content
    assert absent.headers["www-authenticate"] == 'Bearer realm="tamis"'
    forbidden = [
        ask(app, "GET", "/drift", bearer(forge.with_claims(scope=scope)))
        for scope in ("predict", "", "openid")
    ]
    assert {answer.status_code for answer in forbidden} == {403}
    assert len({answer.content for answer in forbidden}) == 1
    assert 'error="insufficient_scope"' in forbidden[0].headers["www-authenticate"]
    assert 'scope="drift:read"' in forbidden[0].headers["www-authenticate"]


def test_hostile_tokens_over_http(app, forge):
    async def run():
        transport = httpx.ASGITransport(app)
        bodies = set()
        async with httpx.AsyncClient(transport=transport, base_url="http://tamis") as client:
            for row in HOSTILE:
                headers = [(b"authorization", b"Bearer " + row.build(forge).encode())]
                answer = await client.post("/classify", headers=headers)
                assert answer.status_code == 401, row.name
                assert row.reason not in answer.text + str(answer.headers)
                bodies.add(answer.content)
        return bodies

    assert len(asyncio.run(run())) == 1


def test_two_headers_are_one_too_many(app, forge):
    answer = ask(app, "POST", "/classify", bearer(forge.token()), bearer(forge.token()))
    assert answer.status_code == 400
    assert 'error="invalid_request"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    "query",
    [
        "access_token={}",
        "a=b&access_token={}",
        "%61ccess_token={}",
        "ACCESS_TOKEN={}",
        "access_token",
    ],
)
def test_a_token_in_the_query_is_not_read(app, forge, query):
    token = forge.token()
    url = "/classify?" + query.format(token)
    assert ask(app, "POST", url).status_code == 401
    assert ask(app, "POST", url, bearer(token)).status_code == 400


@pytest.mark.parametrize("query", ["accessory=1", "x=access_token", "x=%61", "token=1", ""])
def test_other_queries_do_no_harm(app, forge, query):
    assert ask(app, "POST", f"/classify?{query}", bearer(forge.token())).status_code == 200


def test_a_token_in_the_body_or_a_cookie_is_not_read(app, forge):
    async def run():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://tamis") as client:
            form = await client.post("/classify", data={"access_token": forge.token()})
            cookie = await client.post(
                "/classify", headers={"cookie": f"access_token={forge.token()}"}
            )
        return form.status_code, cookie.status_code

    assert asyncio.run(run()) == (401, 401)


def test_without_keys_it_says_come_again(forge):
    app = application(RemoteKeys(RemoteKeySettings("http://127.0.0.1:9")))
    answer = ask(app, "POST", "/classify", bearer(forge.token()))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "www-authenticate" not in answer.headers


def test_openapi_tells_of_the_token(app):
    document = app.openapi()
    scheme = document["components"]["securitySchemes"]["access_token"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert document["paths"]["/classify"]["post"]["security"] == [{"access_token": []}]
    assert "parameters" not in document["paths"]["/classify"]["post"]
