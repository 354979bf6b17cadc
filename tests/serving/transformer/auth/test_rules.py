from __future__ import annotations

import pytest

from components.contract.errors import InputError
from components.contract.settings import build
from serving.transformer.auth.rules import TokenRules

SOUND = {"issuer": "https://issuer.example", "audience": "tamis"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"issuer": ""}, "issuer must be given"),
        ({"audience": ""}, "audience must be given"),
        ({"algorithms": []}, "at least one"),
        ({"algorithms": ["none"]}, "'none'"),
        ({"algorithms": ["HS256"]}, "'HS256'"),
        ({"algorithms": ["PS256"]}, "Did you mean RS256"),
        ({"types": []}, "at least one"),
        ({"leeway_s": 61}, "between 0 and 60"),
        ({"leeway_s": -1}, "between 0 and 60"),
        ({"leeway_s": float("nan")}, "between 0 and 60"),
        ({"roles_claim": []}, "at least one"),
        ({"scope_claims": []}, "at least one"),
        ({"audiance": "tamis"}, "audience"),
    ],
)
def test_rules_that_cannot_be_meant(change, words):
    with pytest.raises(InputError) as refusal:
        build(TokenRules, SOUND | change, "auth")
    assert words in str(refusal.value)


def test_rules_from_a_parameter_file():
    rules = build(TokenRules, SOUND | {"leeway_s": 60, "roles_claim": ["realm", "roles"]}, "auth")
    assert rules.leeway_s == 60
    assert rules.algorithms == ("RS256", "ES256", "EdDSA")
    assert rules.roles_claim == ("realm", "roles")
