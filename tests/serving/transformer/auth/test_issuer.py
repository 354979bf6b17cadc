from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from components.contract.errors import InputError
from serving.transformer.auth.authenticator import Authenticator
from serving.transformer.auth.errors import AuthError
from serving.transformer.auth.issuer import Issuer, development_token
from serving.transformer.auth.issuer_settings import IssuerSettings
from serving.transformer.auth.rules import TokenRules
from serving.transformer.auth.signing_keys import MAX_TOKEN_S, ROTATION_S
from serving.transformer.auth.token_endpoint import GrantError

GRANT = "grant_type=client_credentials"


class Clock:
    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def issuer(tmp_path, clock):
    return Issuer(IssuerSettings(tmp_path / "issuer"), clock)


@pytest.fixture
def secret(issuer):
    return issuer.clients.register("notebook", frozenset({"predict", "feedback"}))


def ask(issuer, secret, more="", client="notebook", address="127.0.0.1"):
    form = f"{GRANT}&client_id={client}&client_secret={secret}{more}"
    return issuer.grant(None, form.encode(), address)


def authenticator(issuer, clock):
    rules = TokenRules(issuer.settings.url, issuer.settings.audience)
    return Authenticator(issuer.key_source(), rules, clock)


def test_a_client_gets_a_token_that_the_gate_takes(issuer, secret, clock):
    answer = ask(issuer, secret, "&scope=predict")
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 3_600
    assert answer["scope"] == "predict"
    principal = asyncio.run(authenticator(issuer, clock).authenticate(answer["access_token"]))
    assert (principal.subject, principal.scopes) == ("notebook", {"predict"})


@pytest.mark.parametrize(
    ("more", "scope"),
    [
        ("", "feedback predict"),
        ("&scope=", "feedback predict"),
        ("&scope=predict", "predict"),
        ("&scope=predict/spam+feedback", "feedback predict/spam"),
        ("&resource=tamis", "feedback predict"),
    ],
)
def test_scopes_are_those_asked_for_or_all(issuer, secret, more, scope):
    assert ask(issuer, secret, more)["scope"] == scope


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ("&scope=admin", "invalid_scope"),
        ("&scope=predict+admin", "invalid_scope"),
        ("&scope=predict%00", "invalid_scope"),
        ("&resource=other", "invalid_target"),
    ],
)
def test_what_a_client_may_not_have(issuer, secret, more, error):
    with pytest.raises(GrantError) as refusal:
        ask(issuer, secret, more)
    assert (refusal.value.error, refusal.value.status) == (error, 400)


def test_a_client_without_scopes_gets_nothing(issuer):
    secret = issuer.clients.register("empty", frozenset())
    with pytest.raises(GrantError, match="invalid_scope"):
        ask(issuer, secret, client="empty")


def test_guessing_is_slowed_down(issuer, secret):
    for _ in range(5):
        with pytest.raises(GrantError) as refusal:
            ask(issuer, "wrong")
        assert (refusal.value.error, refusal.value.status) == ("invalid_client", 401)
    for guess in ("wrong", secret):  # even the right one has to wait now
        with pytest.raises(GrantError) as refusal:
            ask(issuer, guess)
        assert refusal.value.status == 429
        assert refusal.value.retry_after_s >= 1
    assert ask(issuer, secret, address="192.0.2.7")["scope"]  # from elsewhere it isn't locked out


def test_a_good_secret_forgives_the_failures_before_it(issuer, secret):
    for _ in range(2):
        for _ in range(4):
            with pytest.raises(GrantError, match="invalid_client"):
                ask(issuer, "wrong")
        assert ask(issuer, secret)


def test_guesses_at_once_are_counted_too(issuer, secret):
    outcomes = []

    def guess():
        try:
            ask(issuer, "wrong")
        except GrantError as error:
            outcomes.append(error.status)

    threads = [threading.Thread(target=guess) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 16
    assert outcomes.count(401) <= 6  # five are free, one more may be hashed beside the fifth


def test_the_log_names_clients_that_exist_and_no_secret(issuer, secret, caplog):
    caplog.set_level(logging.INFO, "tamis")
    ask(issuer, secret)
    with pytest.raises(GrantError):
        ask(issuer, "wrong", client="my-password-in-the-wrong-field")
    fields = [record.fields for record in caplog.records]
    assert [entry["outcome"] for entry in fields] == ["granted", "invalid_client"]
    assert [entry["client"] for entry in fields] == ["notebook", ""]
    assert secret not in str(fields)


def test_keys_rotate_under_a_running_gate(issuer, secret, clock):
    gate = authenticator(issuer, clock)
    old = ask(issuer, secret)["access_token"]
    asyncio.run(gate.authenticate(old))
    clock.now += ROTATION_S - 1_800
    old = ask(issuer, secret)["access_token"]
    clock.now += 1_801
    new = ask(issuer, secret)["access_token"]
    assert old.split(".")[0] != new.split(".")[0]
    for token in (new, old):
        assert asyncio.run(gate.authenticate(token)).subject == "notebook"


@pytest.mark.parametrize("profile", ["production", "staging", ""])
def test_it_does_not_start_in_production(tmp_path, profile):
    with pytest.raises(InputError) as refusal:
        Issuer(IssuerSettings(tmp_path / "issuer", profile=profile))
    assert refusal.value.code == "issuer_in_production"
    assert not (tmp_path / "issuer").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "http://0.0.0.0:8080"},
        {"url": "http://tamis.example"},
        {"audience": ""},
        {"token_s": 0},
        {"token_s": MAX_TOKEN_S + 1},
    ],
)
def test_settings_that_cannot_be_meant(tmp_path, changes):
    with pytest.raises(InputError):
        Issuer(IssuerSettings(tmp_path / "issuer", **changes))


def test_metadata_names_its_addresses(tmp_path):
    issuer = Issuer(IssuerSettings(tmp_path, url="https://localhost:8443/"))
    metadata = issuer.metadata()
    assert metadata["issuer"] == "https://localhost:8443/"
    assert metadata["token_endpoint"] == "https://localhost:8443/oauth/token"
    assert metadata["jwks_uri"] == "https://localhost:8443/.well-known/jwks.json"


def now_authenticator(issuer):
    rules = TokenRules(issuer.settings.url, issuer.settings.audience)
    return Authenticator(issuer.key_source(), rules)


def test_a_development_token_made_before_and_after_the_server_starts(tmp_path):
    state = tmp_path / "issuer"
    before = development_token(state, "predict")
    issuer = Issuer(IssuerSettings(state))
    after = development_token(state, "predict feedback", "spam", 60, subject="me")
    gate = now_authenticator(issuer)
    assert asyncio.run(gate.authenticate(before)).scopes == {"predict"}
    principal = asyncio.run(gate.authenticate(after))
    assert principal.subject == "me"
    assert principal.scopes == {"predict/spam", "feedback/spam"}


def test_a_development_token_is_of_the_server_that_runs(tmp_path):
    state = tmp_path / "issuer"
    issuer = Issuer(IssuerSettings(state, url="http://127.0.0.1:9000"))
    token = development_token(state, "predict")
    assert asyncio.run(now_authenticator(issuer).authenticate(token)).issuer == (
        "http://127.0.0.1:9000"
    )


def test_a_key_that_the_command_line_makes_is_seen_by_the_server(tmp_path, clock):
    state = tmp_path / "issuer"
    clock.now = 1_700_000_000.0  # the server's keys are old, so the command line makes one
    issuer = Issuer(IssuerSettings(state), clock)
    gate = now_authenticator(issuer)
    token = development_token(state, "predict")
    assert asyncio.run(gate.authenticate(token)).subject == "developer"


def test_tokens_of_another_state_are_refused(tmp_path):
    issuer = Issuer(IssuerSettings(tmp_path / "mine"))
    token = development_token(tmp_path / "theirs", "predict")
    with pytest.raises(AuthError) as refusal:
        asyncio.run(now_authenticator(issuer).authenticate(token))
    assert refusal.value.reason == "unknown_key"


@pytest.mark.parametrize(
    ("scope", "model", "ttl_s"),
    [
        ("", None, 60),
        ("predict openid", None, 60),
        ("predict", "", 60),
        ("predict", "a/b", 60),
        ("predict", "*", 60),
        ("predict", None, 0),
        ("predict", None, -1),
        ("predict", None, 86_401),
        ("predict", None, float("nan")),
    ],
)
def test_a_development_token_that_cannot_be_meant(tmp_path, scope, model, ttl_s):
    with pytest.raises(InputError):
        development_token(tmp_path / "issuer", scope, model, ttl_s)
    assert not (tmp_path / "issuer").exists()
