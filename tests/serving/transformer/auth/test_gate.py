from __future__ import annotations

import asyncio
import hashlib
import json
import logging

import pytest

from components.contract.logs import JsonFormatter
from serving.transformer.auth.authenticator import Authenticator
from serving.transformer.auth.errors import AuthError, ForbiddenError, MalformedRequestError
from serving.transformer.auth.gate import Gate
from serving.transformer.auth.key_source import FileKeys
from serving.transformer.auth.roles import Policy, RoleTable
from serving.transformer.auth.rules import TokenRules
from tests.serving.transformer.auth.forge import AUDIENCE, ISSUER, NOW
from tests.serving.transformer.auth.hostile_tokens import HOSTILE


@pytest.fixture
def gate(tmp_path, forge):
    path = tmp_path / "jwks.json"
    path.write_bytes(forge.key_set)
    authenticator = Authenticator(FileKeys(path), TokenRules(ISSUER, AUDIENCE), lambda: NOW)
    return Gate(authenticator, Policy(RoleTable()), "sentiment")


@pytest.fixture
def audit(caplog):
    """The log's lines as they are written."""
    caplog.set_level(logging.INFO, "tamis")
    return lambda: [json.loads(JsonFormatter().format(record)) for record in caplog.records]


def admit(gate, *arguments, **named):
    return asyncio.run(gate.admit(*arguments, **named))


def reason_for(gate, *arguments):
    with pytest.raises(AuthError) as refusal:
        admit(gate, *arguments)
    return refusal.value.reason


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_a_good_token_is_let_in(gate, forge, scheme):
    principal = admit(gate, f"{scheme} {forge.token()}", "predict")
    assert principal.subject == "alice"


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (None, "no_token"),
        ("", "wrong_scheme"),
        ("Basic YWxpY2U6cHc=", "wrong_scheme"),
        ("Bearer", "wrong_parts"),
        ("Bearer ", "wrong_parts"),
        ("Bearer  ", "wrong_parts"),
        ("Bearer=a.b.c", "wrong_scheme"),
        ("Bearer\ta.b.c", "wrong_scheme"),
        ("BearerToken a.b.c", "wrong_scheme"),
        ("DPoP a.b.c", "wrong_scheme"),
        ("Bearer a.b.c, Bearer a.b.c", "wrong_parts"),
        (" Bearer a.b.c", "wrong_scheme"),
    ],
)
def test_what_is_no_bearer_token(gate, authorization, reason):
    assert reason_for(gate, authorization, "predict") == reason


def test_a_token_beside_something_else(gate, forge):
    token = forge.token()
    assert reason_for(gate, token, "predict") == "wrong_scheme"
    assert reason_for(gate, f"Bearer {token} {token}", "predict") == "wrong_parts"
    assert reason_for(gate, f"Bearer {token} ", "predict") == "bad_base64"
    assert reason_for(gate, f'Bearer "{token}"', "predict") == "bad_base64"
    assert admit(gate, f"Bearer   {token}", "predict").subject == "alice"  # RFC 6750: 1*SP


def test_what_a_token_does_not_allow(gate, forge):
    with pytest.raises(ForbiddenError) as refusal:
        admit(gate, f"Bearer {forge.token()}", "feedback")
    assert refusal.value.reason == "not_granted"
    assert refusal.value.scope == "feedback"


def test_one_line_for_who_is_let_in(gate, forge, audit):
    token = forge.token()
    admit(gate, f"Bearer {token}", "predict", request_id="r1")
    line = audit()[-1]
    assert line.pop("time") > 0
    assert line == {
        "level": "info",
        "event": "audit",
        "run_id": "",
        "decision": "allowed",
        "reason": "granted",
        "subject": "alice",
        "client": "notebook",
        "verb": "predict",
        "model": "sentiment",
        "token_id": hashlib.sha256(b"one").hexdigest()[:16],
        "request_id": "r1",
    }
    assert len(audit()) == 1


def test_one_line_for_who_is_known_and_refused(gate, forge, audit):
    reason_for(gate, f"Bearer {forge.token()}", "admin", "other")
    (line,) = audit()
    assert (line["decision"], line["reason"]) == ("refused", "not_granted")
    assert (line["subject"], line["client"]) == ("alice", "notebook")
    assert (line["verb"], line["model"]) == ("admin", "other")


def test_one_line_for_who_is_not_known(gate, forge, audit):
    reason_for(gate, f"Bearer {forge.with_claims(exp=1, sub='mallory')}", "predict")
    (line,) = audit()
    assert (line["decision"], line["reason"]) == ("refused", "expired")
    assert (line["subject"], line["client"], line["token_id"]) == ("", "", "")


def test_one_line_for_a_refusal_without_a_token(gate, audit):
    error = gate.refuse(MalformedRequestError("several_tokens"), "predict", request_id="r2")
    assert isinstance(error, MalformedRequestError)
    (line,) = audit()
    assert (line["decision"], line["reason"], line["request_id"]) == (
        "refused",
        "several_tokens",
        "r2",
    )
    assert line["model"] == "sentiment"


def test_no_part_of_any_token_is_in_the_log(gate, forge, audit):
    tokens = [row.build(forge) for row in HOSTILE]
    sound = forge.token()
    admit(gate, f"Bearer {sound}", "predict")
    for token in tokens:
        reason_for(gate, f"Bearer {token}", "predict")
    lines = audit()
    assert len(lines) == len(tokens) + 1
    for token, line in zip([sound, *tokens], lines, strict=True):
        text = json.dumps(line)
        parts = [part for part in token.split(".") if len(part) > 8]
        assert not [part for part in parts if part[:24] in text]


def test_a_models_name_in_the_log_is_short_and_on_one_line(gate, forge, caplog):
    caplog.set_level(logging.INFO, "tamis")
    reason_for(gate, f"Bearer {forge.token()}", "predict", 'x\n{"event":"audit"}' * 1_000)
    text = JsonFormatter().format(caplog.records[-1])
    assert "\n" not in text
    assert len(json.loads(text)["model"]) == 128
    assert json.loads(text)["reason"] == "bad_model"
