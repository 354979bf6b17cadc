"""Makes tokens by hand, well-formed and not: signatures by cryptography, nothing by joserfc."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

ISSUER = "https://issuer.example/realms/tamis"
AUDIENCE = "tamis"
NOW = 1_800_000_000.0

Signer = Callable[[bytes], bytes]
NO_VALUE: Any = object()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def integer(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def claims(**changes: Any) -> dict[str, Any]:
    """A valid access token's claims; a change to NO_VALUE leaves one out."""
    valid = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "client_id": "notebook",
        "exp": int(NOW) + 600,
        "iat": int(NOW) - 10,
        "jti": "one",
        "scope": "predict",
    }
    return {name: value for name, value in (valid | changes).items() if value is not NO_VALUE}


def raw_claims(**changes: str) -> bytes:
    """The same with parts of JSON text put in as they are."""
    parts = {name: json.dumps(value) for name, value in claims().items()} | changes
    return ("{" + ",".join(f'"{name}":{text}' for name, text in parts.items()) + "}").encode()


PUBLIC_FORMS = (
    "spki pem",
    "spki pem without newline",
    "spki pem crlf",
    "spki pem body",
    "pkcs1 pem",
    "pkcs1 pem without newline",
    "certificate pem",
    "certificate pem without newline",
    "spki der",
    "pkcs1 der",
    "certificate der",
    "jwk",
    "jwk with spaces",
    "jwk set",
    "modulus",
    "modulus text",
    "openssh",
    "ec spki pem",
    "ed raw",
    "kid",
    "nothing",
)


class Forge:
    """An issuer's keys, and other people's."""

    def __init__(self) -> None:
        self.rsa = rsa.generate_private_key(65537, 2048)
        self.other_rsa = rsa.generate_private_key(65537, 2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.other_ec = ec.generate_private_key(ec.SECP256R1())
        self.p384 = ec.generate_private_key(ec.SECP384R1())
        self.p521 = ec.generate_private_key(ec.SECP521R1())
        self.k256 = ec.generate_private_key(ec.SECP256K1())
        self.ed = ed25519.Ed25519PrivateKey.generate()
        self.other_ed = ed25519.Ed25519PrivateKey.generate()
        self.ed448 = ed448.Ed448PrivateKey.generate()
        self.trap = "http://127.0.0.1:9"  # a test that listens puts its address here

    # --- keys

    def rsa_jwk(self, key: rsa.RSAPrivateKey | None = None, **extra: Any) -> dict[str, Any]:
        numbers = (key or self.rsa).public_key().public_numbers()
        return {"kty": "RSA", "n": integer(numbers.n), "e": integer(numbers.e)} | extra

    def ec_jwk(self, key: ec.EllipticCurvePrivateKey, crv: str, **extra: Any) -> dict[str, Any]:
        size = (key.curve.key_size + 7) // 8
        numbers = key.public_key().public_numbers()
        x, y = (b64(value.to_bytes(size, "big")) for value in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": crv, "x": x, "y": y} | extra

    def ed_jwk(self, **extra: Any) -> dict[str, Any]:
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": b64(self.ed.public_key().public_bytes_raw()),
        } | extra

    @property
    def key_set(self) -> bytes:
        keys = [
            self.rsa_jwk(kid="rsa", use="sig"),
            self.ec_jwk(self.ec, "P-256", kid="ec"),
            self.ed_jwk(kid="ed"),
            self.ec_jwk(self.p384, "P-384", kid="p384"),
        ]
        return json.dumps({"keys": keys}).encode()

    def only(self, jwk: dict[str, Any]) -> bytes:
        return json.dumps({"keys": [jwk]}).encode()

    def certificate(self, key: Any = None) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer.example")])
        start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        signing = key or self.rsa
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(signing.public_key())
            .serial_number(1)
            .not_valid_before(start)
            .not_valid_after(start + dt.timedelta(days=3650))
            .sign(signing, hashes.SHA256())
        )

    @functools.cached_property
    def public_forms(self) -> dict[str, bytes]:
        """Every way in which somebody might write the issuer's public keys down."""
        public, certificate = self.rsa.public_key(), self.certificate()
        spki = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        pkcs1 = public.public_bytes(Encoding.PEM, PublicFormat.PKCS1)
        pem = certificate.public_bytes(Encoding.PEM)
        jwk = self.rsa_jwk(kid="rsa", use="sig")
        ec_spki = self.ec.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return {
            "spki pem": spki,
            "spki pem without newline": spki.rstrip(b"\n"),
            "spki pem crlf": spki.replace(b"\n", b"\r\n"),
            "spki pem body": b"".join(spki.splitlines()[1:-1]),
            "pkcs1 pem": pkcs1,
            "pkcs1 pem without newline": pkcs1.rstrip(b"\n"),
            "certificate pem": pem,
            "certificate pem without newline": pem.rstrip(b"\n"),
            "spki der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            "pkcs1 der": public.public_bytes(Encoding.DER, PublicFormat.PKCS1),
            "certificate der": certificate.public_bytes(Encoding.DER),
            "jwk": json.dumps(jwk, separators=(",", ":")).encode(),
            "jwk with spaces": json.dumps(jwk).encode(),
            "jwk set": self.key_set,
            "modulus": self.rsa.public_key().public_numbers().n.to_bytes(256, "big"),
            "modulus text": jwk["n"].encode(),
            "openssh": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
            "ec spki pem": ec_spki,
            "ed raw": self.ed.public_key().public_bytes_raw(),
            "kid": b"rsa",
            "nothing": b"",
        }

    # --- signatures

    def rs(self, message: bytes, hash_: Any = hashes.SHA256, key: Any = None) -> bytes:
        return (key or self.rsa).sign(message, padding.PKCS1v15(), hash_())

    def ps(self, message: bytes) -> bytes:
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        return self.rsa.sign(message, pss, hashes.SHA256())

    def es(self, message: bytes, key: Any = None, hash_: Any = hashes.SHA256) -> bytes:
        key = key or self.ec
        size = (key.curve.key_size + 7) // 8
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hash_())))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    def eddsa(self, message: bytes) -> bytes:
        return self.ed.sign(message)

    @staticmethod
    def hs(secret: bytes, hash_: str = "sha256") -> Signer:
        return lambda message: hmac.new(secret, message, getattr(hashlib, hash_)).digest()

    # --- tokens

    def token(self, header: Any = None, payload: Any = None, sign: Signer | None = None) -> str:
        """A token of a header and claims (objects, or bytes as they are) and a signer's bytes."""
        header = {"alg": "RS256", "typ": "at+jwt", "kid": "rsa"} if header is None else header
        payload = claims() if payload is None else payload
        parts = [
            b64(part if isinstance(part, bytes) else json.dumps(part).encode())
            for part in (header, payload)
        ]
        message = ".".join(parts)
        return f"{message}.{b64((sign or self.rs)(message.encode()))}"

    def with_header(self, sign: Signer | None = None, **changes: Any) -> str:
        header = {"alg": "RS256", "typ": "at+jwt", "kid": "rsa"} | changes
        return self.token({k: v for k, v in header.items() if v is not NO_VALUE}, None, sign)

    def with_claims(self, **changes: Any) -> str:
        return self.token(None, claims(**changes))

    def parts(self) -> list[str]:
        return self.token().split(".")
