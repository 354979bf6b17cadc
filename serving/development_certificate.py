"""Certificates for a laptop: an authority of its own that can vouch for this machine only."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from serving.private_files import PUBLIC, PrivateDirectory
from serving.tls import TlsFiles

AUTHORITY_DAYS = 3_650
LEAF_DAYS = 90
RENEW_BEFORE_DAYS = 30
"""As Let's Encrypt's clients do: a month to notice that renewing fails."""
BACKDATED = dt.timedelta(minutes=5)
"""Clocks of two machines differ."""
NAMES: tuple[x509.GeneralName, ...] = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
)
_PERMITTED: tuple[x509.GeneralName, ...] = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_network("127.0.0.0/8")),
    x509.IPAddress(ipaddress.ip_network("::1/128")),
)
_LEAVES = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}


@dataclass(frozen=True)
class DevelopmentCertificate:
    """Where the PEM files are.

    Attributes:
        authority: The authority's certificate, for `curl --cacert`.
        certificate: The server's certificate, for localhost, 127.0.0.1 and ::1.
        key: Its key.
        client_certificate: The transformer's certificate as the predictor's client.
        client_key: Its key.
    """

    authority: Path
    certificate: Path
    key: Path
    client_certificate: Path
    client_key: Path

    def server(self, mutual: bool = False) -> TlsFiles:
        """For a server; with `mutual`, only clients with a certificate of this authority."""
        return TlsFiles(self.certificate, self.key, self.authority if mutual else None)

    def client(self) -> TlsFiles:
        """For a client of such a server."""
        return TlsFiles(self.client_certificate, self.client_key, self.authority)


@dataclass(frozen=True)
class _Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def development_certificate(
    directory: Path, now: Callable[[], dt.datetime] | None = None
) -> DevelopmentCertificate:
    """Certificates of a local authority: those in the directory, or new ones.

    Args:
        directory: Where they are kept; keys are readable by their owner alone.
        now: The time, with a zone; None takes the clock's.

    Returns:
        Paths of certificates that are good for another month at least.

    Raises:
        IntegrityError: `exposed_secret` when others could read a key.
        TamisError: The file system's refusal.
    """
    moment = now() if now is not None else dt.datetime.now(dt.UTC)
    files = PrivateDirectory(directory)
    with files.locked():
        authority = _read(files, "ca")
        if authority is None or not _lives(authority, moment):
            authority = _make_authority(moment)
            _write(files, "ca", authority)
        for name, usage in _LEAVES.items():
            leaf = _read(files, name)
            if leaf is None or not _lives(leaf, moment) or not _vouched(leaf, authority):
                _write(files, name, _make_leaf(name, usage, authority, moment))
    paths = [files.path / f"{name}{end}.pem" for name in _LEAVES for end in ("", "-key")]
    return DevelopmentCertificate(files.path / "ca.pem", *paths)


def _read(files: PrivateDirectory, name: str) -> _Pair | None:
    """A pair that belongs together; None when it doesn't, as after a kill between two writes."""
    try:
        certificate_pem = (files.path / f"{name}.pem").read_bytes()
    except OSError:
        return None
    key_pem = files.read(f"{name}-key.pem")
    if key_pem is None:
        return None
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        key = load_pem_private_key(key_pem, None)
    except (ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    return _Pair(certificate, key) if key.public_key() == certificate.public_key() else None


def _lives(pair: _Pair, moment: dt.datetime) -> bool:
    certificate = pair.certificate
    margin = dt.timedelta(days=RENEW_BEFORE_DAYS)
    return certificate.not_valid_before_utc <= moment < certificate.not_valid_after_utc - margin


def _vouched(leaf: _Pair, authority: _Pair) -> bool:
    try:
        leaf.certificate.verify_directly_issued_by(authority.certificate)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _write(files: PrivateDirectory, name: str, pair: _Pair) -> None:
    key = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files.replace(f"{name}-key.pem", key)
    files.replace(f"{name}.pem", pair.certificate.public_bytes(Encoding.PEM), PUBLIC)


def _make_authority(moment: dt.datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Tamis development authority")
    builder = _builder(name, name, key, moment, AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(authority=True), critical=True)
    # Somebody may tell a browser to trust this authority: it must be of no use for other names.
    constraints = x509.NameConstraints(list(_PERMITTED), None)
    builder = builder.add_extension(constraints, critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = builder.add_extension(identifier, critical=False)
    return _Pair(builder.sign(key, hashes.SHA256()), key)


def _make_leaf(
    name: str, usage: x509.ObjectIdentifier, authority: _Pair, moment: dt.datetime
) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate.subject
    builder = _builder(_name(f"Tamis development {name}"), issuer, key, moment, LEAF_DAYS)
    for extension, critical in (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(authority=False), True),
        (x509.ExtendedKeyUsage([usage]), False),
        (x509.SubjectAlternativeName(NAMES), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), False),
    ):
        builder = builder.add_extension(extension, critical)
    return _Pair(builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    moment: dt.datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - BACKDATED)
        .not_valid_after(moment + dt.timedelta(days=days))
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
