from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.transformer.auth.errors import AuthError
from serving.transformer.auth.keys import parse_key_set
from serving.transformer.auth.principal import Principal
from serving.transformer.auth.rules import TokenRules
from serving.transformer.auth.tokens import verify
from tests.serving.transformer.auth.forge import (
    AUDIENCE,
    ISSUER,
    NO_VALUE,
    NOW,
    PUBLIC_FORMS,
    Forge,
    claims,
)
from tests.serving.transformer.auth.hostile_tokens import HOSTILE

RULES = TokenRules(ISSUER, AUDIENCE)


def reason_for(token: bytes, forge: Forge, rules: TokenRules = RULES) -> str:
    with pytest.raises(AuthError) as refusal:
        verify(token, parse_key_set(forge.key_set, "here"), rules, NOW)
    return refusal.value.reason


def test_there_are_many_and_no_two_are_called_the_same():
    assert len(HOSTILE) >= 120
    assert len({row.name for row in HOSTILE}) == len(HOSTILE)


def test_every_form_of_a_public_key_is_tried_as_a_secret(forge):
    assert tuple(forge.public_forms) == PUBLIC_FORMS
    assert len(set(forge.public_forms.values())) == len(PUBLIC_FORMS)


@pytest.mark.parametrize("row", HOSTILE, ids=lambda row: row.name)
def test_hostile_token_is_refused_for_its_reason(row, forge):
    assert reason_for(row.build(forge).encode(), forge) == row.reason


VALID = {
    "RS256": lambda f: f.token(),
    "ES256": lambda f: f.with_header(f.es, alg="ES256", kid="ec"),
    "EdDSA": lambda f: f.with_header(f.eddsa, alg="EdDSA", kid="ed"),
    "audience in a list": lambda f: f.with_claims(aud=["other", AUDIENCE]),
    "audience alone in a list": lambda f: f.with_claims(aud=[AUDIENCE]),
    "typ JWT": lambda f: f.with_header(typ="JWT"),
    "typ jwt": lambda f: f.with_header(typ="jwt"),
    "typ AT+JWT": lambda f: f.with_header(typ="AT+JWT"),
    "typ application/at+jwt": lambda f: f.with_header(typ="application/at+jwt"),
    "expired within the leeway": lambda f: f.with_claims(exp=int(NOW) - 29),
    "not before within the leeway": lambda f: f.with_claims(nbf=int(NOW) + 30),
    "issued within the leeway": lambda f: f.with_claims(iat=int(NOW) + 30),
    "fractions of seconds": lambda f: f.with_claims(exp=NOW + 0.5, iat=NOW - 0.5),
    "without iat, nbf, jti, client": lambda f: f.with_claims(
        iat=NO_VALUE, jti=NO_VALUE, client_id=NO_VALUE
    ),
    "more claims": lambda f: f.with_claims(
        act={"sub": "proxy", "act": {"sub": "other"}}, email="a@b.example", n=1.5, ok=None
    ),
    "a thumbprint in the header": lambda f: f.with_header(x5t="abc"),
    "an emoji in sub": lambda f: f.with_claims(sub="alice \U0001f600"),
    "an escaped emoji in sub": lambda f: f.token(
        None, json.dumps(claims(sub="\U0001f600")).encode()
    ),
    "brackets in a string": lambda f: f.with_claims(note='[[[[[[[[[[{{{{"\\"[[['),
    "scopes in a list": lambda f: f.with_claims(scope=["predict", "feedback"]),
    "scopes as scp": lambda f: f.with_claims(scope=NO_VALUE, scp="predict feedback"),
    "no scopes": lambda f: f.with_claims(scope=NO_VALUE),
    "roles": lambda f: f.with_claims(roles=["admin", "observer"]),
    "nonce in an at+jwt": lambda f: f.with_claims(nonce="n"),
    "Keycloak's access token": lambda f: f.token(
        {"alg": "RS256", "typ": "JWT", "kid": "rsa"},
        claims(typ="Bearer", azp="web", sid="s", realm_access={"roles": ["x"]}),
    ),
    "Cognito's token_use": lambda f: f.token(
        {"alg": "RS256", "typ": "JWT", "kid": "rsa"}, claims(token_use="access")
    ),
}


@pytest.mark.parametrize("name", VALID)
def test_valid_token_is_taken(name, forge):
    token = VALID[name](forge).encode()
    principal = verify(token, parse_key_set(forge.key_set, "here"), RULES, NOW)
    assert principal.issuer == ISSUER
    assert principal.subject


def test_principal_is_what_the_token_says(forge):
    token = forge.with_claims(scope="predict  feedback ", roles=["admin"]).encode()
    principal = verify(token, parse_key_set(forge.key_set, "here"), RULES, NOW)
    assert principal == Principal(
        subject="alice",
        client="notebook",
        issuer=ISSUER,
        scopes=frozenset({"predict", "feedback"}),
        roles=frozenset({"admin"}),
        expires_at=NOW + 600,
        token_id="one",
    )


def test_the_client_is_azp_where_there_is_no_client_id(forge):
    token = forge.with_claims(client_id=NO_VALUE, azp="web").encode()
    assert verify(token, parse_key_set(forge.key_set, "here"), RULES, NOW).client == "web"


@pytest.mark.parametrize("kid", [NO_VALUE, "rsa"])
def test_one_key_needs_no_key_id(forge, kid):
    keys = parse_key_set(forge.only(forge.rsa_jwk(kid="rsa")), "here")
    assert verify(forge.with_header(kid=kid).encode(), keys, RULES, NOW).subject == "alice"


def test_one_key_without_a_name(forge):
    keys = parse_key_set(forge.only(forge.rsa_jwk()), "here")
    assert verify(forge.with_header(kid=NO_VALUE).encode(), keys, RULES, NOW).subject == "alice"
    with pytest.raises(AuthError) as refusal:
        verify(forge.token().encode(), keys, RULES, NOW)
    assert refusal.value.reason == "unknown_key"


def test_no_type_is_taken_only_where_the_rules_say_so(forge):
    token = forge.with_header(typ=NO_VALUE).encode()
    rules = TokenRules(ISSUER, AUDIENCE, types=("at+jwt", "absent"))
    assert verify(token, parse_key_set(forge.key_set, "here"), rules, NOW).subject == "alice"
    named = forge.with_header(typ="absent").encode()
    assert reason_for(named, forge, rules) == "wrong_type"
    assert reason_for(forge.with_header(typ="JWT").encode(), forge, rules) == "wrong_type"


def test_ed25519_is_taken_by_its_new_name_where_the_rules_say_so(forge):
    token = forge.with_header(forge.eddsa, alg="Ed25519", kid="ed").encode()
    rules = TokenRules(ISSUER, AUDIENCE, algorithms=("Ed25519",))
    assert verify(token, parse_key_set(forge.key_set, "here"), rules, NOW).subject == "alice"
    assert reason_for(forge.token().encode(), forge, rules) == "bad_algorithm"


def test_roles_may_be_deeper_in_the_token(forge):
    rules = TokenRules(ISSUER, AUDIENCE, roles_claim=("realm_access", "roles"))
    keys = parse_key_set(forge.key_set, "here")
    token = forge.with_claims(realm_access={"roles": ["observer"]}).encode()
    assert verify(token, keys, rules, NOW).roles == {"observer"}
    assert verify(forge.token().encode(), keys, rules, NOW).roles == frozenset()
    assert (
        reason_for(forge.with_claims(realm_access=["roles"]).encode(), forge, rules) == "bad_roles"
    )


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_nothing(forge, data):
    reason_for(data, forge)


@settings(max_examples=300, deadline=None)
@given(header=st.binary(max_size=60), payload=st.binary(max_size=60))
def test_any_signed_bytes_are_refused_or_nothing(forge, header, payload):
    reason_for(forge.token(header, payload).encode(), forge)
    reason_for(forge.token(None, payload).encode(), forge)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(
    where=st.sampled_from(["header", "claims"]),
    changes=st.dictionaries(
        st.sampled_from(
            [
                "alg",
                "typ",
                "kid",
                "jwk",
                "crit",
                "cty",
                "iss",
                "aud",
                "exp",
                "nbf",
                "iat",
                "sub",
                "client_id",
                "azp",
                "jti",
                "scope",
                "scp",
                "roles",
                "cnf",
            ]
        ),
        json_values,
        max_size=4,
    ),
)
def test_any_members_are_taken_or_refused(forge, where, changes):
    token = forge.with_header(**changes) if where == "header" else forge.with_claims(**changes)
    try:
        principal = verify(token.encode(), parse_key_set(forge.key_set, "here"), RULES, NOW)
    except AuthError:
        return
    assert isinstance(principal, Principal)


@settings(max_examples=300, deadline=None)
@given(position=st.integers(min_value=0), bit=st.integers(0, 7))
def test_any_flipped_bit_is_noticed(forge, position, bit):
    token = bytearray(forge.token().encode())
    token[position % len(token)] ^= 1 << bit
    reason_for(bytes(token), forge)
