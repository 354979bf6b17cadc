from __future__ import annotations

import asyncio
import json
import time

import pytest

from components.contract.errors import InputError
from components.contract.settings import build
from serving.transformer.auth.errors import ForbiddenError
from serving.transformer.auth.issuer import Issuer, development_token
from serving.transformer.auth.issuer_settings import IssuerSettings
from serving.transformer.auth.settings import AuthSettings, open_gate
from tests.serving.transformer.auth.forge import ISSUER, claims
from tests.serving.transformer.auth.loopback import loopback


def soon():
    return {"iat": int(time.time()), "exp": int(time.time()) + 60}


def test_the_embedded_issuer(tmp_path):
    issuer = Issuer(IssuerSettings(tmp_path))
    gate = open_gate(AuthSettings(), "sentiment", issuer)
    token = development_token(tmp_path, "predict")

    async def run():
        await gate.start()
        assert gate.ready
        principal = await gate.admit(f"Bearer {token}", "predict")
        with pytest.raises(ForbiddenError):
            await gate.admit(f"Bearer {token}", "admin")
        await gate.close()
        return principal

    assert asyncio.run(run()).subject == "developer"


def test_a_key_file(tmp_path, forge):
    (tmp_path / "jwks.json").write_bytes(forge.key_set)
    settings = AuthSettings(ISSUER, jwks_file=str(tmp_path / "jwks.json"))
    gate = open_gate(settings, "sentiment")
    token = forge.with_claims(**soon())
    assert asyncio.run(gate.admit(f"Bearer {token}", "predict")).subject == "alice"


def test_an_identity_provider_and_a_role_table(tmp_path, forge):
    table = {"roles": {"reader": [{"verb": "predict", "models": ["spam"]}]}, "scopes": {}}
    (tmp_path / "roles.json").write_text(json.dumps(table))

    async def run():
        async with loopback() as server:
            metadata = {"issuer": server.url, "jwks_uri": f"{server.url}/jwks"}
            server.documents["/.well-known/openid-configuration"] = json.dumps(metadata).encode()
            server.documents["/jwks"] = forge.key_set
            document = {
                "issuer": server.url,
                "roles_file": str(tmp_path / "roles.json"),
                "roles_claim": ["realm_access", "roles"],
            }
            gate = open_gate(build(AuthSettings, document, "auth"), "spam")
            assert not gate.ready
            await gate.start()
            own = claims(iss=server.url, realm_access={"roles": ["reader"]}, **soon())
            principal = await gate.admit(f"Bearer {forge.token(None, own)}", "predict")
            with pytest.raises(ForbiddenError):
                await gate.admit(f"Bearer {forge.token(None, own)}", "predict", "sentiment")
            await gate.close()
            return principal

    assert asyncio.run(run()).roles == {"reader"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "no_issuer"),
        ({"issuer": "http://issuer.example"}, "bad_url"),
        ({"issuer": ISSUER, "jwks_uri": "http://issuer.example/jwks"}, "bad_url"),
        ({"issuer": ISSUER, "jwks_file": "/nowhere/jwks.json"}, "not_found"),
        ({"issuer": ISSUER, "roles_file": "/nowhere/roles.yaml"}, "not_found"),
        ({"issuer": ISSUER, "algorithms": ("HS256",)}, "bad_parameter"),
        ({"issuer": ISSUER, "leeway_s": 300.0}, "bad_parameter"),
        ({"issuer": ISSUER, "audience": ""}, "bad_parameter"),
        ({"issuer": ISSUER, "refresh_s": 0.0}, "bad_parameter"),
    ],
)
def test_settings_that_cannot_be_meant(changes, code):
    with pytest.raises(InputError) as refusal:
        open_gate(AuthSettings(**changes), "sentiment")
    assert refusal.value.code == code


def test_one_issuer_and_not_two(tmp_path):
    issuer = Issuer(IssuerSettings(tmp_path))
    with pytest.raises(InputError) as refusal:
        open_gate(AuthSettings(ISSUER), "sentiment", issuer)
    assert refusal.value.code == "two_issuers"
