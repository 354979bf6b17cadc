from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from components.contract.errors import IntegrityError
from serving.transformer.auth.errors import AuthError
from serving.transformer.auth.keys import MAX_KEYS, UnknownKeyError, parse_key_set
from tests.serving.transformer.auth.forge import Forge, b64, integer

SMALL = rsa.generate_private_key(65537, 1024)


def key_set(*keys):
    return json.dumps({"keys": list(keys)}).encode()


UNUSABLE = {
    "for encryption": lambda f: f.rsa_jwk(kid="k", use="enc"),
    "for signing only": lambda f: f.rsa_jwk(kid="k", key_ops=["sign"]),
    "operations that are no list": lambda f: f.rsa_jwk(kid="k", key_ops="verify"),
    "for another algorithm": lambda f: f.rsa_jwk(kid="k", alg="PS256"),
    "for HMAC": lambda f: f.rsa_jwk(kid="k", alg="HS256"),
    "an algorithm that is no text": lambda f: f.rsa_jwk(kid="k", alg=["RS256"]),
    "of 1024 bits": lambda f: f.rsa_jwk(SMALL, kid="k"),
    "of 2048 bits in name only": lambda f: (
        f.rsa_jwk(kid="k")
        | {"n": b64(b"\0" * 128 + SMALL.public_key().public_numbers().n.to_bytes(128, "big"))}
    ),
    "of 16384 bits": lambda f: f.rsa_jwk(kid="k") | {"n": integer(2**16384 - 1)},
    "with the exponent one": lambda f: f.rsa_jwk(kid="k") | {"e": integer(1)},
    "with an even exponent": lambda f: f.rsa_jwk(kid="k") | {"e": integer(65536)},
    "with an endless exponent": lambda f: f.rsa_jwk(kid="k") | {"e": integer(2**2000 + 1)},
    "without a modulus": lambda f: {"kty": "RSA", "e": "AQAB", "kid": "k"},
    "with a modulus that is a number": lambda f: f.rsa_jwk(kid="k") | {"n": 3},
    "with a modulus that isn't base64": lambda f: f.rsa_jwk(kid="k") | {"n": "*" * 400},
    "with its private part": lambda f: f.rsa_jwk(kid="k", d="AQAB"),
    "off the curve": lambda f: f.ec_jwk(f.ec, "P-256", kid="k") | {"x": b64(b"\1" * 32)},
    "P-384": lambda f: f.ec_jwk(f.p384, "P-384", kid="k"),
    "P-384 that says P-256": lambda f: f.ec_jwk(f.p384, "P-256", kid="k"),
    "secp256k1": lambda f: f.ec_jwk(f.k256, "secp256k1", kid="k"),
    "X25519": lambda f: f.ed_jwk(kid="k") | {"crv": "X25519"},
    "an Edwards key too short": lambda f: f.ed_jwk(kid="k") | {"x": b64(b"\1" * 31)},
    "symmetric": lambda f: {"kty": "oct", "k": b64(b"secret"), "kid": "k"},
    "of a type to come": lambda f: {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "kid": "k"},
    "of no type": lambda f: {"kid": "k"},
    "a type that is no text": lambda f: f.rsa_jwk(kid="k") | {"kty": ["RSA"]},
    "a curve that is no text": lambda f: f.ec_jwk(f.ec, "P-256") | {"crv": ["P-256"]},
    "an empty name": lambda f: f.rsa_jwk(kid=""),
    "a name that is a number": lambda f: f.rsa_jwk(kid=7),
    "no object": lambda f: "key",
    "null": lambda f: None,
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_key_is_left_out(name, forge):
    with pytest.raises(IntegrityError, match="no usable key"):
        parse_key_set(key_set(UNUSABLE[name](forge)), "here")
    keys = parse_key_set(key_set(UNUSABLE[name](forge), forge.ec_jwk(forge.ec, "P-256")), "here")
    assert len(keys) == 1


def test_each_key_is_good_for_its_algorithm_alone(forge):
    keys = parse_key_set(forge.key_set, "here")
    good = {"rsa": {"RS256"}, "ec": {"ES256"}, "ed": {"EdDSA", "Ed25519"}}
    for kid, names in good.items():
        for name in ("RS256", "ES256", "EdDSA", "Ed25519"):
            if name in names:
                assert keys.find(kid, name).key_id == kid
            else:
                with pytest.raises(AuthError) as refusal:
                    keys.find(kid, name)
                assert refusal.value.reason == "wrong_key"


def test_alg_of_a_key_narrows_it(forge):
    keys = parse_key_set(forge.only(forge.ed_jwk(kid="k", alg="EdDSA")), "here")
    assert keys.find("k", "EdDSA")
    with pytest.raises(AuthError):
        keys.find("k", "Ed25519")


def test_two_types_may_share_a_name_but_two_keys_of_one_may_not(forge):
    shared = parse_key_set(
        key_set(forge.rsa_jwk(kid="k"), forge.ec_jwk(forge.ec, "P-256", kid="k")), "here"
    )
    assert shared.find("k", "RS256").jose.key_type == "RSA"
    assert shared.find("k", "ES256").jose.key_type == "EC"
    with pytest.raises(IntegrityError, match="same `kid`"):
        parse_key_set(
            key_set(forge.rsa_jwk(kid="k"), forge.rsa_jwk(forge.other_rsa, kid="k")), "here"
        )


def test_a_name_is_needed_where_there_are_several(forge):
    keys = parse_key_set(forge.key_set, "here")
    with pytest.raises(AuthError) as refusal:
        keys.find(None, "RS256")
    assert refusal.value.reason == "key_id_needed"
    with pytest.raises(UnknownKeyError):
        keys.find("other", "RS256")


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>down for maintenance</html>",
        b"[]",
        b"{}",
        b'{"keys":null}',
        b'{"keys":{}}',
        b'{"keys":[]}',
        b'{"keys":[],"keys":[]}',
        b"\xff",
        json.dumps({"keys": [{}] * (MAX_KEYS + 1)}).encode(),
    ],
)
def test_junk_is_no_key_set(document):
    with pytest.raises(IntegrityError) as refusal:
        parse_key_set(document, "https://issuer.example/jwks")
    assert refusal.value.code == "bad_key_set"
    assert "https://issuer.example/jwks" in refusal.value.message


def test_digest_tells_key_sets_apart():
    one, two = Forge().key_set, Forge().key_set
    assert parse_key_set(one, "a").digest == parse_key_set(one, "b").digest
    assert parse_key_set(one, "a").digest != parse_key_set(two, "a").digest
