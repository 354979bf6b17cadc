from __future__ import annotations

import asyncio
import json

import pytest

from components.contract.errors import InputError
from serving.transformer.auth.authenticator import Authenticator
from serving.transformer.auth.errors import AuthError, UnavailableError
from serving.transformer.auth.key_source import FileKeys
from serving.transformer.auth.remote_keys import RemoteKeys, RemoteKeySettings
from serving.transformer.auth.rules import TokenRules
from tests.serving.transformer.auth.forge import AUDIENCE, ISSUER, NOW, Forge, claims
from tests.serving.transformer.auth.hostile_tokens import HOSTILE
from tests.serving.transformer.auth.loopback import loopback


class Clock:
    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now


RULES = TokenRules(ISSUER, AUDIENCE)


@pytest.fixture
def file(tmp_path, forge):
    path = tmp_path / "jwks.json"
    path.write_bytes(forge.key_set)
    return path


def reason_for(authenticator, token):
    with pytest.raises(AuthError) as refusal:
        asyncio.run(authenticator.authenticate(token))
    return refusal.value.reason


def test_a_token_that_was_taken_is_taken_again_until_its_leeway_ends(forge, file):
    clock = Clock()
    authenticator = Authenticator(FileKeys(file), RULES, clock)
    token = forge.with_claims(exp=NOW + 10)
    first = asyncio.run(authenticator.authenticate(token))
    assert asyncio.run(authenticator.authenticate(token)) is first  # remembered
    clock.now = NOW + 10
    assert asyncio.run(authenticator.authenticate(token)) == first  # verified anew
    clock.now = NOW + 39.9
    assert asyncio.run(authenticator.authenticate(token)) == first
    clock.now = NOW + 40
    assert reason_for(authenticator, token) == "expired"


def test_a_token_of_a_withdrawn_key_is_not_remembered(forge, file):
    clock = Clock(0.0)
    authenticator = Authenticator(FileKeys(file, clock=clock), RULES, Clock())
    token = forge.token()
    assert asyncio.run(authenticator.authenticate(token)).subject == "alice"
    file.write_bytes(Forge().key_set)
    clock.now = 1.0
    assert reason_for(authenticator, token) == "bad_signature"


def test_a_refused_token_stays_refused(forge, file):
    authenticator = Authenticator(FileKeys(file), RULES, Clock())
    token = forge.with_claims(aud="other")
    assert reason_for(authenticator, token) == "wrong_audience"
    assert reason_for(authenticator, token) == "wrong_audience"


def test_a_new_key_is_looked_for_once(forge, file):
    authenticator = Authenticator(FileKeys(file), RULES, Clock())
    token = forge.with_header(kid="new")
    assert reason_for(authenticator, token) == "unknown_key"
    file.write_bytes(forge.only(forge.rsa_jwk(kid="new")))
    assert asyncio.run(authenticator.authenticate(token)).subject == "alice"
    assert reason_for(authenticator, forge.token()) == "unknown_key"


@pytest.mark.parametrize("token", ["tökèn.a.b", "a\ud800.b.c", "\x00.\x7f.é"])
def test_text_that_is_no_ascii(file, token):
    authenticator = Authenticator(FileKeys(file), RULES, Clock())
    assert reason_for(authenticator, token) == "bad_base64"


def test_a_long_text_is_not_even_encoded(file):
    authenticator = Authenticator(FileKeys(file), RULES, Clock())
    assert reason_for(authenticator, "é" * 10_000) == "too_long"


def test_without_keys_no_token_is_judged(forge):
    async def run():
        async with loopback() as server:
            source = RemoteKeys(RemoteKeySettings(server.url))
            authenticator = Authenticator(source, TokenRules(server.url, AUDIENCE), Clock())
            await authenticator.start()
            assert not authenticator.ready
            for token in (forge.token(), "junk"):
                with pytest.raises(UnavailableError):
                    await authenticator.authenticate(token)
            metadata = {"issuer": server.url, "jwks_uri": f"{server.url}/jwks"}
            server.documents["/.well-known/openid-configuration"] = json.dumps(metadata).encode()
            server.documents["/jwks"] = forge.key_set
            await source._look_once()
            assert authenticator.ready
            token = forge.token(None, claims(iss=server.url))
            assert (await authenticator.authenticate(token)).issuer == server.url
            await authenticator.close()

    asyncio.run(run())


def test_no_hostile_token_makes_a_call_or_a_place_in_memory(forge):
    """An issuer that listens, and an attacker's server that must hear nothing."""

    async def run():
        async with loopback() as issuer, loopback() as trap:
            issuer.documents["/jwks"] = forge.key_set
            source = RemoteKeys(RemoteKeySettings(ISSUER, f"{issuer.url}/jwks"))
            authenticator = Authenticator(source, RULES, Clock())
            await authenticator.start()
            forge.trap = trap.url
            for row in HOSTILE:
                with pytest.raises(AuthError) as refusal:
                    await authenticator.authenticate(row.build(forge))
                assert refusal.value.reason == row.reason, row.name
            await authenticator.close()
            assert trap.asked == []
            assert issuer.asked == ["/jwks"]
            assert len(authenticator._verified) == 0

    asyncio.run(run())


def test_rules_are_checked_at_once(file):
    with pytest.raises(InputError):
        Authenticator(FileKeys(file), TokenRules(ISSUER, AUDIENCE, leeway_s=120))
