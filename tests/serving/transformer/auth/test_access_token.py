from __future__ import annotations

import base64
import json

from serving.private_files import PrivateDirectory
from serving.transformer.auth.access_token import access_token
from serving.transformer.auth.keys import parse_key_set
from serving.transformer.auth.rules import TokenRules
from serving.transformer.auth.signing_keys import SigningKeys
from serving.transformer.auth.tokens import verify

NOW = 1_800_000_000.7


def part(token, index):
    text = token.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_it_is_what_rfc_9068_asks_for(tmp_path):
    file = SigningKeys(PrivateDirectory(tmp_path)).ensure()
    token = access_token(file, "notebook", "predict feedback", "tamis", 60, NOW)
    assert part(token, 0) == {"alg": "RS256", "typ": "at+jwt", "kid": file.keys[-1].key_id}
    claims = part(token, 1)
    assert len(claims.pop("jti")) == 22
    assert claims == {
        "iss": file.issuer,
        "sub": "notebook",
        "client_id": "notebook",
        "aud": "tamis",
        "scope": "predict feedback",
        "iat": 1_800_000_000,
        "exp": 1_800_000_060,
    }
    rules = TokenRules(file.issuer, "tamis", types=("at+jwt",), leeway_s=0)
    principal = verify(token.encode(), parse_key_set(file.public(), "here"), rules, NOW)
    assert principal.scopes == {"predict", "feedback"}


def test_no_two_are_the_same(tmp_path):
    file = SigningKeys(PrivateDirectory(tmp_path)).ensure()
    tokens = {access_token(file, "a", "predict", "tamis", 60, NOW) for _ in range(5)}
    assert len(tokens) == 5
