"""Tokens that must be refused: what each is called, how it is made, and why it must be refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jwe
from joserfc.jwk import RSAKey

from tests.serving.transformer.auth.forge import (
    AUDIENCE,
    ISSUER,
    NO_VALUE,
    NOW,
    PUBLIC_FORMS,
    Forge,
    b64,
    claims,
    raw_claims,
)

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


@dataclass(frozen=True)
class Hostile:
    name: str
    build: Callable[[Forge], str]
    reason: str


def algorithms() -> Iterator[Hostile]:
    for alg in ("none", "None", "NONE", "nOnE", "none ", ""):
        yield Hostile(
            f"alg {alg!r}, no signature",
            lambda f, alg=alg: f.with_header(lambda _: b"", alg=alg),
            "bad_algorithm",
        )
        yield Hostile(
            f"alg {alg!r}, somebody's signature",
            lambda f, alg=alg: f.with_header(alg=alg),
            "bad_algorithm",
        )
    yield Hostile(
        "alg none without kid and typ",
        lambda f: f.token({"alg": "none"}, None, lambda _: b""),
        "bad_algorithm",
    )
    for alg in ("RS257", "rs256", "RS256 ", " RS256", "RS256\0", "XX999", "RSA1_5", "dir"):
        yield Hostile(f"alg {alg!r}", lambda f, alg=alg: f.with_header(alg=alg), "bad_algorithm")
    for alg in (NO_VALUE, None, 256, True, ["RS256"], {"name": "RS256"}):
        name = "absent" if alg is NO_VALUE else json.dumps(alg)
        yield Hostile(f"alg {name}", lambda f, alg=alg: f.with_header(alg=alg), "bad_algorithm")


def unlisted_algorithms() -> Iterator[Hostile]:
    """Sound signatures by the issuer's own keys, by an algorithm that isn't allowed."""
    signers = {
        "PS256": lambda f: f.with_header(f.ps, alg="PS256"),
        "RS384": lambda f: f.with_header(lambda m: f.rs(m, hashes.SHA384), alg="RS384"),
        "RS512": lambda f: f.with_header(lambda m: f.rs(m, hashes.SHA512), alg="RS512"),
        "ES384": lambda f: f.with_header(
            lambda m: f.es(m, f.p384, hashes.SHA384), alg="ES384", kid="p384"
        ),
        "ES512": lambda f: f.with_header(
            lambda m: f.es(m, f.p521, hashes.SHA512), alg="ES512", kid="p384"
        ),
        "ES256K": lambda f: f.with_header(lambda m: f.es(m, f.k256), alg="ES256K", kid="ec"),
        "Ed25519": lambda f: f.with_header(f.eddsa, alg="Ed25519", kid="ed"),
        "Ed448": lambda f: f.with_header(f.ed448.sign, alg="Ed448", kid="ed"),
    }
    for name, build in signers.items():
        yield Hostile(f"{name}, soundly signed", build, "bad_algorithm")


def confusion() -> Iterator[Hostile]:
    """A public key as an HMAC's secret."""
    for form in PUBLIC_FORMS:
        yield Hostile(
            f"HS256 by {form}",
            lambda f, form=form: f.with_header(f.hs(f.public_forms[form]), alg="HS256"),
            "bad_algorithm",
        )
    for alg, hash_ in (("HS384", "sha384"), ("HS512", "sha512")):
        yield Hostile(
            f"{alg} by spki pem",
            lambda f, alg=alg, hash_=hash_: f.with_header(
                f.hs(f.public_forms["spki pem"], hash_), alg=alg
            ),
            "bad_algorithm",
        )
    yield Hostile(
        "RS256 whose signature is an HMAC by spki pem",
        lambda f: f.with_header(f.hs(f.public_forms["spki pem"])),
        "bad_signature",
    )


def key_ids() -> Iterator[Hostile]:
    for kid in (
        "../../../../dev/null",
        "/dev/null",
        "file:///etc/passwd",
        "' OR '1'='1",
        "rsa'; DROP TABLE keys; --",
        "rsa\0",
        "rsa\n",
        "RSA",
        " rsa",
        "*",
        "${jndi:ldap://127.0.0.1/a}",
        "__proto__",
        "None",
        "ｒｓａ",  # noqa: RUF001 - full width, which a careless reader folds to ASCII
        "p384",  # in the key set, of no use for any algorithm allowed
    ):
        yield Hostile(f"kid {kid!r}", lambda f, kid=kid: f.with_header(kid=kid), "unknown_key")
    for kid in ("", "k" * 257, None, 0, True, ["rsa"], {"kid": "rsa"}):
        name = json.dumps(kid)[:20]
        yield Hostile(f"kid {name}", lambda f, kid=kid: f.with_header(kid=kid), "bad_key_id")
    for kid in ("ec", "ed"):
        yield Hostile(
            f"kid of the {kid} key", lambda f, kid=kid: f.with_header(kid=kid), "wrong_key"
        )
    yield Hostile(
        "kid of the rsa key, by ES256",
        lambda f: f.with_header(f.es, alg="ES256"),
        "wrong_key",
    )
    yield Hostile(
        "kid of the rsa key, by EdDSA",
        lambda f: f.with_header(f.eddsa, alg="EdDSA"),
        "wrong_key",
    )
    yield Hostile("no kid, several keys", lambda f: f.with_header(kid=NO_VALUE), "key_id_needed")
    yield Hostile("kid is a URL", lambda f: f.with_header(kid=f"{f.trap}/key"), "unknown_key")


def embedded_keys() -> Iterator[Hostile]:
    def certificate(f: Forge) -> str:
        return base64.b64encode(f.certificate(f.other_ec).public_bytes(Encoding.DER)).decode()

    def forged(f: Forge, **header: object) -> str:
        return f.with_header(lambda m: f.rs(m, key=f.other_rsa), **header)

    rows: dict[str, Callable[[Forge], str]] = {
        "jwk of the attacker": lambda f: forged(f, jwk=f.rsa_jwk(f.other_rsa)),
        "jwk of the attacker, its kid": lambda f: forged(
            f, jwk=f.rsa_jwk(f.other_rsa, kid="mine"), kid="mine"
        ),
        "jwk of the issuer": lambda f: f.with_header(jwk=f.rsa_jwk()),
        "jwk null": lambda f: f.with_header(jwk=None),
        "jku of the attacker": lambda f: forged(f, jku=f"{f.trap}/jwks.json", kid="mine"),
        "jku with the issuer's kid": lambda f: forged(f, jku=f"{f.trap}/jwks.json"),
        "jku on a soundly signed token": lambda f: f.with_header(jku=f"{f.trap}/jwks.json"),
        "jku that looks like the issuer's": lambda f: forged(f, jku=f"{f.trap}/jwks.json#{ISSUER}"),
        "x5u of the attacker": lambda f: forged(f, x5u=f"{f.trap}/chain.pem"),
        "x5u on a soundly signed token": lambda f: f.with_header(x5u=f"{f.trap}/chain.pem"),
        "x5c of the attacker": lambda f: forged(f, x5c=[certificate(f)]),
        "x5c empty": lambda f: f.with_header(x5c=[]),
        "jwk and jku": lambda f: forged(f, jwk=f.rsa_jwk(f.other_rsa), jku=f.trap),
    }
    for name, build in rows.items():
        yield Hostile(name, build, "embedded_key")


def headers() -> Iterator[Hostile]:
    extensions: dict[str, dict[str, object]] = {
        "crit exp": {"crit": ["exp"]},
        "crit empty": {"crit": []},
        "crit null": {"crit": None},
        "crit unknown": {"crit": ["https://example.com/x"], "https://example.com/x": 1},
        "crit b64": {"crit": ["b64"], "b64": False},
        "b64 false alone": {"b64": False},
        "b64 true": {"b64": True},
    }
    for name, members in extensions.items():
        yield Hostile(name, lambda f, members=members: f.with_header(**members), "critical_header")
    yield Hostile("enc", lambda f: f.with_header(enc="A256GCM"), "encrypted")
    yield Hostile("zip", lambda f: f.with_header(zip="DEF"), "encrypted")
    yield Hostile(
        "nested: a token in a token",
        lambda f: f.token(
            {"alg": "RS256", "typ": "at+jwt", "kid": "rsa", "cty": "JWT"}, f.token().encode()
        ),
        "nested_token",
    )
    yield Hostile(
        "nested without cty",
        lambda f: f.token(None, f.token().encode()),
        "not_json",
    )
    for typ in (
        "",
        "id+jwt",
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "token-introspection+jwt",
        "JWE",
        "JOSE",
        "absent",
        "at+jwt; charset=utf-8",
        "at+jwt\0",
        " at+jwt",
        "application/application/at+jwt",
        None,
        1,
        ["at+jwt"],
        {"typ": "at+jwt"},
    ):
        yield Hostile(
            f"typ {json.dumps(typ)}", lambda f, typ=typ: f.with_header(typ=typ), "wrong_type"
        )
    yield Hostile("typ absent", lambda f: f.with_header(typ=NO_VALUE), "wrong_type")


def elliptic_signatures() -> Iterator[Hostile]:
    def es256(signature: Callable[[Forge, bytes], bytes]) -> Callable[[Forge], str]:
        return lambda f: f.with_header(lambda m: signature(f, m), alg="ES256", kid="ec")

    def number(value: int) -> bytes:
        return value.to_bytes(32, "big")

    rows: dict[str, Callable[[Forge, bytes], bytes]] = {
        "zeros": lambda f, m: bytes(64),
        "r zero": lambda f, m: bytes(32) + f.es(m)[32:],
        "s zero": lambda f, m: f.es(m)[:32] + bytes(32),
        "r and s one": lambda f, m: number(1) + number(1),
        "r and s the order": lambda f, m: number(P256_ORDER) * 2,
        "r zero, s the order": lambda f, m: bytes(32) + number(P256_ORDER),
        "r plus the order's ones": lambda f, m: b"\xff" * 32 + f.es(m)[32:],
        "ones": lambda f, m: b"\xff" * 64,
        "empty": lambda f, m: b"",
        "half": lambda f, m: f.es(m)[:32],
        "63 bytes": lambda f, m: f.es(m)[:-1],
        "65 bytes": lambda f, m: f.es(m) + b"\0",
        "zero before r": lambda f, m: b"\0" + f.es(m)[:32] + b"\0" + f.es(m)[32:],
        "r and s swapped": lambda f, m: f.es(m)[32:] + f.es(m)[:32],
        "DER": lambda f, m: f.ec.sign(m, ec.ECDSA(hashes.SHA256())),
        "DER of zeros": lambda f, m: encode_dss_signature(0, 0),
        "by another P-256 key": lambda f, m: f.es(m, f.other_ec),
        "by a P-384 key": lambda f, m: f.es(m, f.p384),
        "by a secp256k1 key": lambda f, m: f.es(m, f.k256),
        "over SHA-384": lambda f, m: f.es(m, hash_=hashes.SHA384),
        "of another message": lambda f, m: f.es(m + b"."),
    }
    for name, signature in rows.items():
        yield Hostile(f"ES256 {name}", es256(signature), "bad_signature")


def other_signatures() -> Iterator[Hostile]:
    def malleable(f: Forge, message: bytes) -> bytes:
        signature = f.ed.sign(message)
        s = int.from_bytes(signature[32:], "little") + ED25519_ORDER
        return signature[:32] + s.to_bytes(32, "little")

    edwards: dict[str, Callable[[Forge, bytes], bytes]] = {
        "by another key": lambda f, m: f.other_ed.sign(m),
        "by an Ed448 key": lambda f, m: f.ed448.sign(m),
        "zeros": lambda f, m: bytes(64),
        "the neutral point and zero": lambda f, m: b"\1" + bytes(63),
        "63 bytes": lambda f, m: f.ed.sign(m)[:-1],
        "65 bytes": lambda f, m: f.ed.sign(m) + b"\0",
        "empty": lambda f, m: b"",
        "s plus the order": malleable,
    }
    for name, signature in edwards.items():
        yield Hostile(
            f"EdDSA {name}",
            lambda f, signature=signature: f.with_header(
                lambda m: signature(f, m), alg="EdDSA", kid="ed"
            ),
            "bad_signature",
        )
    rsa: dict[str, Callable[[Forge, bytes], bytes]] = {
        "by another issuer's key of that kid": lambda f, m: f.rs(m, key=f.other_rsa),
        "zeros": lambda f, m: bytes(256),
        "one": lambda f, m: bytes(255) + b"\1",
        "ones": lambda f, m: b"\xff" * 256,
        "empty": lambda f, m: b"",
        "255 bytes": lambda f, m: f.rs(m)[:-1],
        "a zero before": lambda f, m: b"\0" + f.rs(m),
        "a zero after": lambda f, m: f.rs(m) + b"\0",
        "PSS": lambda f, m: f.ps(m),
        "over SHA-1": lambda f, m: f.rs(m, hashes.SHA1),
        "over SHA-512": lambda f, m: f.rs(m, hashes.SHA512),
        "plus the modulus": lambda f, m: (
            int.from_bytes(f.rs(m), "big") + f.rsa.public_key().public_numbers().n
        ).to_bytes(257, "big"),
        "of another message": lambda f, m: f.rs(m + b"."),
    }
    for name, signature in rsa.items():
        yield Hostile(
            f"RS256 {name}",
            lambda f, signature=signature: f.with_header(lambda m: signature(f, m)),
            "bad_signature",
        )


def damaged() -> Iterator[Hostile]:
    def changed(index: int, change: Callable[[str], str]) -> Callable[[Forge], str]:
        def build(f: Forge) -> str:
            parts = f.parts()
            parts[index] = change(parts[index])
            return ".".join(parts)

        return build

    def flip(position: int) -> Callable[[str], str]:
        def change(part: str) -> str:
            data = bytearray(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
            data[position] ^= 1
            return b64(bytes(data))

        return change

    def cut(part: str) -> str:
        return b64(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))[:-1])

    yield Hostile("header cut by a byte", changed(0, cut), "not_json")
    yield Hostile("payload cut by a byte", changed(1, cut), "bad_signature")
    yield Hostile("signature cut by a byte", changed(2, cut), "bad_signature")
    yield Hostile("header's first bit flipped", changed(0, flip(0)), "not_json")
    yield Hostile("a bit of alg's value flipped", changed(0, flip(9)), "bad_algorithm")
    for position in (0, 20, 60, -1):
        yield Hostile(
            f"payload's bit at byte {position} flipped", changed(1, flip(position)), "bad_signature"
        )
    for position in (0, 128, 255):
        yield Hostile(
            f"signature's bit at byte {position} flipped",
            changed(2, flip(position)),
            "bad_signature",
        )
    yield Hostile("signature's last character cut", changed(2, lambda p: p[:-1]), "bad_base64")
    yield Hostile("header empty", changed(0, lambda _: ""), "not_json")
    yield Hostile("payload empty", changed(1, lambda _: ""), "bad_signature")
    yield Hostile("signature empty", changed(2, lambda _: ""), "bad_signature")
    yield Hostile(
        "another token's payload",
        changed(1, lambda _: b64(json.dumps(claims(sub="root")).encode())),
        "bad_signature",
    )
    yield Hostile(
        "header and payload swapped",
        lambda f: ".".join(f.parts()[i] for i in (1, 0, 2)),
        "bad_algorithm",
    )
    spelt: dict[str, Callable[[str], str]] = {
        "padded": lambda p: p + "=" * (-len(p) % 4 or 4),
        "with a newline after": lambda p: p + "\n",
        "with a space inside": lambda p: p[:8] + " " + p[8:],
        "with a tab before": lambda p: "\t" + p,
        "with a NUL inside": lambda p: p[:8] + "\0" + p[8:],
        "with a percent sign": lambda p: p[:8] + "%" + p[8:],
        "with a plus sign": lambda p: p[:8] + "+" + p[9:],
    }
    for index, which in enumerate(("header", "payload", "signature")):
        for name, change in spelt.items():
            yield Hostile(f"{which} {name}", changed(index, change), "bad_base64")
    yield Hostile(
        "signature's unused bits set",
        changed(2, lambda p: p[:-1] + chr(ord(p[-1]) + 1)),
        "bad_base64",
    )
    yield Hostile(
        "signature in base64's other alphabet",
        lambda f: _standard_alphabet(f),
        "bad_base64",
    )


def _standard_alphabet(f: Forge) -> str:
    """A sound token whose signature has `-` or `_` written as `+` or `/`."""
    for number in range(100):
        header, payload, signature = f.with_claims(jti=str(number)).split(".")
        other = signature.replace("-", "+").replace("_", "/")
        if other != signature:
            return ".".join((header, payload, other))
    raise AssertionError("a hundred signatures without - or _")


def shapes() -> Iterator[Hostile]:
    for text in ("", ".", "...", "a", "a.b", "a.b.c.d", "null", "undefined", "Bearer", "{}"):
        yield Hostile(f"the text {text!r}", lambda f, text=text: text, "wrong_parts")
    yield Hostile("two dots", lambda f: "..", "not_json")
    yield Hostile("a dot more", lambda f: f.token() + ".", "wrong_parts")
    yield Hostile("five parts", lambda f: f.token() + ".a.b", "wrong_parts")
    yield Hostile(
        "a JWE to the issuer's key",
        lambda f: jwe.encrypt_compact(
            {"alg": "RSA-OAEP-256", "enc": "A256GCM"},
            json.dumps(claims()).encode(),
            RSAKey.import_key(f.rsa_jwk()),
            ["RSA-OAEP-256", "A256GCM"],
        ),
        "wrong_parts",
    )
    yield Hostile(
        "a token in a JWE",
        lambda f: jwe.encrypt_compact(
            {"alg": "RSA-OAEP-256", "enc": "A256GCM", "cty": "JWT"},
            f.token().encode(),
            RSAKey.import_key(f.rsa_jwk()),
            ["RSA-OAEP-256", "A256GCM"],
        ),
        "wrong_parts",
    )
    yield Hostile(
        "JSON serialisation",
        lambda f: json.dumps(
            dict(zip(("protected", "payload", "signature"), f.parts(), strict=True))
        ),
        "wrong_parts",
    )
    yield Hostile("a kilobyte too long", lambda f: f.with_claims(x="x" * 7_000), "too_long")
    yield Hostile("a megabyte", lambda f: "a" * 2**20, "too_long")
    yield Hostile("a thousand parts", lambda f: "." * 1_000, "wrong_parts")
    yield Hostile("a long header", lambda f: f.with_header(x="x" * 1_024), "too_long")


def audiences() -> Iterator[Hostile]:
    for aud in (
        NO_VALUE,
        None,
        "",
        "other",
        "TAMIS",
        "tami",
        "tamis ",
        "tamis other",
        "tamis,other",
        "https://tamis",
        [],
        ["other"],
        ["tamis", 1],
        [["tamis"]],
        {"aud": "tamis"},
        {"tamis": True},
        True,
        ["x"] * 300 + ["tamis"],
    ):
        name = "absent" if aud is NO_VALUE else json.dumps(aud)[:30]
        yield Hostile(f"aud {name}", lambda f, aud=aud: f.with_claims(aud=aud), "wrong_audience")


def issuers() -> Iterator[Hostile]:
    for iss in (
        NO_VALUE,
        None,
        "",
        ISSUER + "/",
        ISSUER.upper(),
        ISSUER[:-1],
        ISSUER.replace("https", "http"),
        "https://other.example",
        [ISSUER],
        {"iss": ISSUER},
        ISSUER + "\0",
        AUDIENCE,
    ):
        name = "absent" if iss is NO_VALUE else json.dumps(iss)[:60]
        yield Hostile(f"iss {name}", lambda f, iss=iss: f.with_claims(iss=iss), "wrong_issuer")
    yield Hostile(
        "another issuer's token under our kid",
        lambda f: f.token(
            None, claims(iss="https://other.example"), lambda m: f.rs(m, key=f.other_rsa)
        ),
        "bad_signature",
    )


def times() -> Iterator[Hostile]:
    now = int(NOW)
    yield Hostile("exp absent", lambda f: f.with_claims(exp=NO_VALUE), "no_expiry")
    for exp in (now - 3_600, now - 31, now - 30, 0, 1.5):
        yield Hostile(f"exp {exp}", lambda f, exp=exp: f.with_claims(exp=exp), "expired")
    texts = {
        f'"{now + 600}"': "bad_time",
        "null": "bad_time",
        "true": "bad_time",
        f"[{now + 600}]": "bad_time",
        "-1": "bad_time",
        f"-{now + 600}": "bad_time",
        f"{now * 1000}": "bad_time",
        "1000000000000000000": "bad_time",
        "1e308": "bad_time",
        "NaN": "not_finite",
        "Infinity": "not_finite",
        "-Infinity": "not_finite",
        "1e400": "not_finite",
        "1" + "0" * 400: "not_finite",
        "1" * 5_000: "not_finite",
        "0x7fffffff": "not_json",
        "01800000600": "not_json",
    }
    for text, reason in texts.items():
        yield Hostile(
            f"exp {text[:24]}", lambda f, text=text: f.token(None, raw_claims(exp=text)), reason
        )
    for claim, late in (("nbf", "not_yet_valid"), ("iat", "issued_in_future")):
        for value in (now + 31, now + 86_400):
            yield Hostile(
                f"{claim} {value}",
                lambda f, claim=claim, value=value: f.with_claims(**{claim: value}),
                late,
            )
        for value in (None, str(now), True, [now], -1, 10**15):
            yield Hostile(
                f"{claim} {json.dumps(value)}",
                lambda f, claim=claim, value=value: f.with_claims(**{claim: value}),
                "bad_time",
            )


def names() -> Iterator[Hostile]:
    for sub in (NO_VALUE, None, "", 1, True, ["alice"], {"sub": "alice"}, "a" * 257):
        name = "absent" if sub is NO_VALUE else json.dumps(sub)[:30]
        yield Hostile(f"sub {name}", lambda f, sub=sub: f.with_claims(sub=sub), "bad_subject")
    for sub in ("alice\nroot", "alice\0", "\x1b[31m", "alice\u2028", "alice\x85"):
        yield Hostile(f"sub {sub!r}", lambda f, sub=sub: f.with_claims(sub=sub), "bad_subject")
    wrong = {
        "client_id": "bad_client",
        "azp": "bad_client",
        "jti": "bad_token_id",
    }
    for claim, reason in wrong.items():
        for value in (None, 7, "", ["x"], "x" * 257):
            changes = {claim: value} | ({"client_id": NO_VALUE} if claim == "azp" else {})
            yield Hostile(
                f"{claim} {json.dumps(value)[:20]}",
                lambda f, changes=changes: f.with_claims(**changes),
                reason,
            )
    for scope in (None, 7, True, {"predict": True}, ["predict", 7], ['"predict"'], ["a b"], "a\tb"):
        yield Hostile(
            f"scope {json.dumps(scope)}",
            lambda f, scope=scope: f.with_claims(scope=scope),
            "bad_scope",
        )
    yield Hostile("a thousand scopes", lambda f: f.with_claims(scope="a " * 1_000), "bad_scope")
    for roles in (None, "admin", 7, {"admin": True}, ["admin", 7], [["admin"]], [""]):
        yield Hostile(
            f"roles {json.dumps(roles)}",
            lambda f, roles=roles: f.with_claims(roles=roles),
            "bad_roles",
        )


def other_kinds() -> Iterator[Hostile]:
    kinds: dict[str, dict[str, object]] = {
        "an ID token with nonce": {"nonce": "n"},
        "an ID token with at_hash": {"at_hash": "h"},
        "an ID token with c_hash": {"c_hash": "h"},
        "a logout token": {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
        "a DPoP proof": {"htm": "POST", "htu": "https://tamis/classify"},
        "Keycloak's ID token": {"typ": "ID"},
        "Keycloak's refresh token": {"typ": "Refresh"},
        "Cognito's ID token": {"token_use": "id"},
    }
    for name, extra in kinds.items():
        yield Hostile(
            name,
            lambda f, extra=extra: f.token(
                {"alg": "RS256", "typ": "JWT", "kid": "rsa"}, claims(**extra)
            ),
            "not_an_access_token",
        )
    for name, cnf in (("DPoP", {"jkt": "x"}), ("mutual TLS", {"x5t#S256": "x"}), ("null", None)):
        yield Hostile(
            f"bound to its sender by {name}",
            lambda f, cnf=cnf: f.with_claims(cnf=cnf),
            "sender_constrained",
        )


def documents() -> Iterator[Hostile]:
    header = b'"typ":"at+jwt","kid":"rsa"'
    texts = {
        "header with alg twice": (b'{"alg":"none","alg":"RS256",' + header + b"}", "duplicate_key"),
        "header with alg escaped": (
            b'{"\\u0061lg":"none","alg":"RS256",' + header + b"}",
            "duplicate_key",
        ),
        "header with kid twice": (b'{"alg":"RS256","kid":"ec",' + header + b"}", "duplicate_key"),
        "header a list": (b'["RS256"]', "not_an_object"),
        "header a string": (b'"RS256"', "not_an_object"),
        "header null": (b"null", "not_an_object"),
        "header a number": (b"1", "not_an_object"),
        "header an empty object": (b"{}", "bad_algorithm"),
        "header with a byte order mark": (
            b'\xef\xbb\xbf{"alg":"RS256",' + header + b"}",
            "not_json",
        ),
        "header in UTF-16": ('{"alg":"RS256"}'.encode("utf-16"), "not_utf8"),
        "header not in UTF-8": (b'{"alg":"RS256","x":"\xff",' + header + b"}", "not_utf8"),
        "header with an overlong dot": (b'{"alg":"RS256","x":"\xc0\xae"}', "not_utf8"),
        "header and something after": (b'{"alg":"RS256",' + header + b"}{}", "not_json"),
        "header with a comment": (b'{"alg":"RS256"/**/,' + header + b"}", "not_json"),
        "header in single quotes": (b"{'alg':'RS256'}", "not_json"),
        "header with a trailing comma": (b'{"alg":"RS256",' + header + b",}", "not_json"),
        "header with a lone surrogate": (
            b'{"alg":"RS256","x":"\\ud800",' + header + b"}",
            "lone_surrogate",
        ),
        "header with NaN": (b'{"alg":"RS256","x":NaN,' + header + b"}", "not_finite"),
        "header 50 deep": (
            b'{"alg":"RS256","x":' + b"[" * 50 + b"]" * 50 + b"," + header + b"}",
            "too_deep",
        ),
    }
    for name, (data, reason) in texts.items():
        yield Hostile(name, lambda f, data=data: f.token(data), reason)
    payloads = {
        "claims with sub twice": (raw_claims(sub='"alice","sub":"root"'), "duplicate_key"),
        "claims with aud twice": (raw_claims(aud='"other","aud":"tamis"'), "duplicate_key"),
        "claims with exp twice": (raw_claims(exp='1,"exp":1800000600'), "duplicate_key"),
        "claims with iss escaped": (raw_claims(x='1,"\\u0069ss":"other"'), "duplicate_key"),
        "claims with a key twice, inside": (raw_claims(x='{"a":1,"a":2}'), "duplicate_key"),
        "claims a list": (b"[" + raw_claims() + b"]", "not_an_object"),
        "claims a string": (b'"alice"', "not_an_object"),
        "claims null": (b"null", "not_an_object"),
        "claims true": (b"true", "not_an_object"),
        "claims an empty object": (b"{}", "wrong_issuer"),
        "claims empty": (b"", "not_json"),
        "claims cut": (raw_claims()[:-1], "not_json"),
        "claims with a NUL": (raw_claims() + b"\0", "not_json"),
        "claims with a raw newline in a string": (raw_claims(x='"a\nb"'), "not_json"),
        "claims with NaN": (raw_claims(x="NaN"), "not_finite"),
        "claims with a lone surrogate": (raw_claims(sub='"\\udc00"'), "lone_surrogate"),
        "claims with a surrogate key": (raw_claims(x='{"\\ud83d":1}'), "lone_surrogate"),
        "claims not in UTF-8": (raw_claims() + b"\xff", "not_utf8"),
        "claims 9 deep": (raw_claims(x="[" * 8 + "]" * 8), "too_deep"),
        "claims 2000 deep": (raw_claims(x="[" * 2_000 + "]" * 2_000), "too_deep"),
        "claims 2000 deep, cut": (raw_claims(x='{"a":' * 700), "too_deep"),
    }
    for name, (data, reason) in payloads.items():
        yield Hostile(name, lambda f, data=data: f.token(None, data), reason)


HOSTILE = [
    row
    for group in (
        algorithms,
        unlisted_algorithms,
        confusion,
        key_ids,
        embedded_keys,
        headers,
        elliptic_signatures,
        other_signatures,
        damaged,
        shapes,
        audiences,
        issuers,
        times,
        names,
        other_kinds,
        documents,
    )
    for row in group()
]
