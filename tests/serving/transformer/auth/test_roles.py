from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.contract.errors import InputError
from serving.transformer.auth.principal import Principal
from serving.transformer.auth.roles import VERBS, Grant, Policy, RoleTable, read_role_table

MAY = {
    "predictor": {"predict"},
    "annotator": {"predict", "feedback"},
    "observer": {"drift:read"},
    "operator": {"predict", "feedback", "drift:read"},
    "admin": {"predict", "feedback", "drift:read", "admin"},
    "stranger": set(),
}
MODELS = ("sentiment", "spam", "a", "A-1.b_c")


def someone(roles=(), scopes=()):
    return Principal("s", "c", "i", frozenset(scopes), frozenset(roles), 0.0, "")


def decide(roles=(), scopes=(), verb="predict", model="sentiment", table=None):
    return Policy(table or RoleTable()).decide(someone(roles, scopes), verb, model)


@pytest.mark.parametrize(("role", "verb", "model"), list(itertools.product(MAY, VERBS, MODELS)))
def test_every_default_role_for_every_verb_and_model(role, verb, model):
    assert decide({role}, verb=verb, model=model).allowed is (verb in MAY[role])


@pytest.mark.parametrize(
    ("scope", "verb", "model"), list(itertools.product((*VERBS, "openid", ""), VERBS, MODELS))
)
def test_every_default_scope_for_every_verb_and_model(scope, verb, model):
    assert decide(scopes={scope}, verb=verb, model=model).allowed is (scope == verb)


TABLE = {
    "roles": {
        "sentiment-team": [
            {"verb": "predict", "models": ["sentiment*"]},
            {"verb": "feedback", "models": ["sentiment"]},
        ],
        "spam-watch": [{"verb": "drift:read", "models": ["spam-*-eu", "spam"]}],
        "nobody": [],
    },
    "scopes": {"text.read": [{"verb": "predict"}]},
}
ALLOWED = {
    ("sentiment-team", "predict", "sentiment"),
    ("sentiment-team", "predict", "sentiment-v2"),
    ("sentiment-team", "feedback", "sentiment"),
    ("spam-watch", "drift:read", "spam"),
    ("spam-watch", "drift:read", "spam-a-eu"),
}
ALL_MODELS = ("sentiment", "sentiment-v2", "Sentiment", "spam", "spam-a-eu", "spam-a-us", "x")


def written(tmp_path, table, name="roles.json"):
    path = tmp_path / name
    path.write_text(table if isinstance(table, str) else json.dumps(table), encoding="utf-8")
    return read_role_table(path)


@pytest.mark.parametrize(
    ("role", "verb", "model"), list(itertools.product(TABLE["roles"], VERBS, ALL_MODELS))
)
def test_every_role_of_a_file_for_every_verb_and_model(tmp_path, role, verb, model):
    decision = decide({role}, verb=verb, model=model, table=written(tmp_path, TABLE))
    assert decision.allowed is ((role, verb, model) in ALLOWED)


def test_a_file_replaces_the_parts_it_has(tmp_path):
    table = written(tmp_path, TABLE)
    assert not decide({"admin"}, table=table).allowed
    assert not decide(scopes={"predict"}, table=table).allowed
    assert decide(scopes={"text.read"}, table=table).allowed
    only_roles = written(tmp_path, {"roles": {}})
    assert decide(scopes={"predict"}, table=only_roles).allowed


def test_yaml_is_read_too(tmp_path):
    text = "roles:\n  team:\n    - verb: predict\n      models: [spam]\n"
    table = written(tmp_path, text, "roles.yaml")
    assert decide({"team"}, model="spam", table=table).allowed
    assert not decide({"team"}, model="sentiment", table=table).allowed


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"rolls": {}}, "unknown_parameter"),
        ({"roles": {"a": [{"verb": "read"}]}}, "bad_parameter"),
        ({"roles": {"a": [{"verb": "*"}]}}, "bad_parameter"),
        ({"roles": {"a": [{"models": ["*"]}]}}, "missing_parameter"),
        ({"roles": {"a": [{"verb": "predict", "models": "*"}]}}, "bad_parameter"),
        ({"roles": {"a": [{"verb": "predict", "models": ["[a-z]"]}]}}, "bad_parameter"),
        ({"roles": {"a": [{"verb": "predict", "models": [""]}]}}, "bad_parameter"),
        ({"roles": {"a": {"verb": "predict"}}}, "bad_parameter"),
        ({"roles": ["a"]}, "bad_parameter"),
        ([], "bad_params"),
        ("roles: [", "bad_params"),
    ],
)
def test_a_file_that_cannot_be_meant(tmp_path, table, code):
    with pytest.raises(InputError) as refusal:
        written(tmp_path, table)
    assert refusal.value.code == code


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="can't be read"):
        read_role_table(tmp_path / "roles.yaml")


@pytest.mark.parametrize(
    ("roles", "scopes", "verb", "reason"),
    [
        ((), (), "predict", "nothing_granted"),
        (("uma_authorization",), ("openid", "email"), "predict", "nothing_granted"),
        (("predictor",), ("openid",), "predict", "granted"),
        (("uma_authorization",), ("predict",), "predict", "granted"),
        (("observer",), (), "predict", "not_granted"),
        (("admin",), ("predict",), "predict", "granted"),
        (("admin",), ("predict",), "admin", "not_granted"),  # the token was issued for less
        (("predictor",), ("admin",), "admin", "not_granted"),  # the bearer may do less
        (("predictor", "observer"), (), "drift:read", "granted"),
        (("admin",), (), "write", "unknown_verb"),
        (("admin",), (), "", "unknown_verb"),
    ],
)
def test_scopes_and_roles_together(roles, scopes, verb, reason):
    decision = decide(roles, scopes, verb)
    assert decision.reason == reason
    assert decision.allowed is (reason == "granted")


@pytest.mark.parametrize(
    ("scope", "model", "allowed"),
    [
        ("predict/sentiment", "sentiment", True),
        ("predict/sentiment", "spam", False),
        ("predict/*", "sentiment", False),  # a name, not a pattern
        ("predict/", "sentiment", False),
        ("predict/sentiment/x", "sentiment", False),
        ("openid/sentiment", "sentiment", False),
        ("/sentiment", "sentiment", False),
    ],
)
def test_a_scope_for_one_model(scope, model, allowed):
    assert decide(scopes={scope}, model=model).allowed is allowed


def test_a_scope_for_one_model_narrows_roles():
    decision = decide({"admin"}, {"predict/spam"}, model="sentiment")
    assert not decision.allowed
    assert decision.reason == "not_granted"


@pytest.mark.parametrize(
    "model", ["", "*", ".", "..", "../x", "a/b", "a b", "a\n", "é", "a" * 129, "-a", "%2e", "a\0"]
)
def test_what_is_no_model_is_nobodys(model):
    assert decide({"admin"}, VERBS, model=model).reason == "bad_model"


@given(
    roles=st.frozensets(st.text(max_size=8) | st.sampled_from(sorted(MAY)), max_size=3),
    scopes=st.frozensets(st.text(max_size=8) | st.sampled_from(VERBS), max_size=3),
    verb=st.text(max_size=6) | st.sampled_from(VERBS),
    model=st.text(max_size=8),
)
def test_nothing_is_allowed_that_no_row_grants(roles, scopes, verb, model):
    decision = decide(roles, scopes, verb, model)
    by_roles = any(verb in MAY.get(role, ()) for role in roles)
    by_scopes = verb in scopes and verb in VERBS
    assert not decision.allowed or by_roles or by_scopes
    assert decision.allowed is (decision.reason == "granted")


def test_a_grant_names_its_models():
    assert Grant("predict", ("a*", "b")).covers("predict", "abc")
    assert not Grant("predict", ("a*", "b")).covers("predict", "bc")
    assert not Grant("predict", ()).covers("predict", "a")
