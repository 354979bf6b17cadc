"""TLS contexts for the service's two connections: with its clients, and with the predictor.

TLS 1.2 or newer, forward secrecy and authenticated encryption only: Mozilla's intermediate list
without finite-field Diffie-Hellman. https://wiki.mozilla.org/Security/Server_Side_TLS
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from components.contract.errors import InputError

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2; TLS 1.3 has none that are weak."""
PROTOCOLS = ["http/1.1"]


@dataclass(frozen=True)
class TlsFiles:
    """PEM files of one end of a connection.

    Attributes:
        certificate: Its certificate, followed by intermediate ones.
        key: The certificate's private key, without a passphrase.
        authority: Certificates of those who may vouch for the other end; for a server None lets
            clients in without a certificate, for a client None takes the system's.
    """

    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """A context for a server.

    Args:
        files: Its certificate and key; with an authority, clients must show a certificate of it.

    Returns:
        The context.

    Raises:
        InputError: `tls_unreadable`, `tls_mismatch` or `tls_encrypted_key`.
    """
    if files.certificate is None or files.key is None:
        raise InputError("tls_unreadable", "A TLS server needs a certificate and its key.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    _load_certificate(context, files.certificate, files.key)
    if files.authority is not None:
        _load_authority(context, files.authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """A context for a client; the server's certificate and name are always checked.

    Args:
        files: Its authority, and its own certificate and key where the server asks for them.

    Returns:
        The context.

    Raises:
        InputError: `tls_unreadable`, `tls_mismatch` or `tls_encrypted_key`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _harden(context)
    if files.authority is not None:
        _load_authority(context, files.authority)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if files.certificate is not None and files.key is not None:
        _load_certificate(context, files.certificate, files.key)
    elif files.certificate is not None or files.key is not None:
        raise InputError("tls_unreadable", "A client certificate and its key go together.")
    return context


def expires(certificate: Path) -> float:
    """When a certificate ends, or the first to end of those that its file holds with it.

    Args:
        certificate: A PEM file that a context was made of.

    Returns:
        Seconds since 1970.

    Raises:
        InputError: `tls_unreadable`.
    """
    from cryptography import x509  # slow to import, and not needed without TLS

    _check_readable(certificate)
    try:
        chain = x509.load_pem_x509_certificates(certificate.read_bytes())
    except ValueError as error:
        message = f"{str(certificate)!r} holds no certificate in PEM."
        raise InputError("tls_unreadable", message) from error
    return min(link.not_valid_after_utc.timestamp() for link in chain)


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(PROTOCOLS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_SINGLE_ECDH_USE


def _load_certificate(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    for path in (certificate, key):
        _check_readable(path)

    def passphrase() -> str:  # without it OpenSSL would ask the terminal, and a server would hang
        message = f"The key {str(key)!r} has a passphrase."
        raise InputError("tls_encrypted_key", message, "Use one without, readable by its owner.")

    try:
        context.load_cert_chain(certificate, key, passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            message = f"{str(key)!r} is not the key of the certificate {str(certificate)!r}."
            raise InputError("tls_mismatch", message) from error
        message = f"{str(certificate)!r} and {str(key)!r} aren't a certificate and its key in PEM."
        raise InputError("tls_unreadable", message) from error


def _load_authority(context: ssl.SSLContext, authority: Path) -> None:
    _check_readable(authority)
    try:
        context.load_verify_locations(authority)
    except ssl.SSLError as error:
        message = f"{str(authority)!r} holds no certificate in PEM."
        raise InputError("tls_unreadable", message) from error


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        message = f"{str(path)!r} can't be read: {error.strerror}."
        raise InputError("tls_unreadable", message) from error
