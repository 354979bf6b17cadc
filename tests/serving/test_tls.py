from __future__ import annotations

import contextlib
import datetime as dt
import socket
import ssl
import struct
import threading
from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from components.contract.errors import InputError
from serving.development_certificate import development_certificate
from serving.tls import TlsFiles, client_context, expires, server_context


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return development_certificate(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    return development_certificate(tmp_path_factory.mktemp("tls") / "others")


class Server:
    """Answers each connection with what it saw of it; keeps what went wrong."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(10)
        self.port = self._socket.getsockname()[1]
        self.troubles: list[str] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                connection.settimeout(10)
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        try:
            with self._context.wrap_socket(connection, server_side=True) as secure:
                secure.sendall(f"{secure.version()} {secure.cipher()[0]}".encode())  # type: ignore[index]
        except ssl.SSLError as error:
            self.troubles.append(error.reason or "")
        except OSError:
            self.troubles.append("closed")

    def stop(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@contextlib.contextmanager
def serving(files: TlsFiles) -> Iterator[Server]:
    server = Server(server_context(files))
    try:
        yield server
    finally:
        server.stop()


def ask(server: Server, context: ssl.SSLContext, name: str = "localhost") -> str:
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        answer = secure.recv(1_000).decode()  # with TLS 1.3 a refused certificate shows only now
        if not answer:
            raise ConnectionResetError
        return answer


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_tls_1_3_by_each_name(made, name):
    with serving(made.server()) as server:
        assert ask(server, client_context(made.client()), name).startswith("TLSv1.3 ")


def test_tls_1_2_with_forward_secrecy_and_nothing_weaker(made):
    context = client_context(made.client())
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ALL")
    with serving(made.server()) as server:
        version, cipher = ask(server, context).split()
        assert version == "TLSv1.2"
        assert cipher.startswith("ECDHE-")
        for weak in ("AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA"):
            context.set_ciphers(weak)
            with pytest.raises((ssl.SSLError, ConnectionError)):
                ask(server, context)
        assert set(server.troubles) == {"NO_SHARED_CIPHER"}


def client_hello(version: int) -> bytes:
    """A hello by hand, since OpenSSL's own client no longer speaks the old versions."""
    ciphers = struct.pack("!4H", 0xC009, 0xC013, 0x002F, 0x0035)
    curves = struct.pack("!HHHH", 10, 4, 2, 23) + struct.pack("!HHBB", 11, 2, 1, 0)
    body = struct.pack("!H", version) + bytes(32) + b"\0"
    body += struct.pack("!H", len(ciphers)) + ciphers + b"\1\0"
    body += struct.pack("!H", len(curves)) + curves
    handshake = b"\1" + struct.pack("!I", len(body))[1:] + body
    return b"\x16" + struct.pack("!HH", 0x0301, len(handshake)) + handshake


@pytest.mark.parametrize(("name", "version"), [("TLS 1.1", 0x302), ("TLS 1.0", 0x301)])
def test_older_versions_are_refused(made, name, version):
    with serving(made.server()) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
            plain.sendall(client_hello(version))
            alert = plain.recv(7)
        assert (alert[0], alert[5:7]) == (21, bytes([2, 70])), name  # fatal, protocol_version
    assert server.troubles == ["UNSUPPORTED_PROTOCOL"]


def test_the_same_hello_with_tls_1_2_gets_further(made):
    """So that what refused the older ones was their version."""
    with serving(made.server()) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
            plain.sendall(client_hello(0x303))
            alert = plain.recv(7)
        assert alert[5:7] == bytes([2, 40])  # handshake_failure: no cipher in common
    assert server.troubles == ["NO_SHARED_CIPHER"]


def test_a_server_of_another_authority_is_not_trusted(made, others):
    with serving(others.server()) as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(server, client_context(made.client()))
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(server, client_context(TlsFiles()))  # nor by the system's authorities


def test_a_server_by_another_name_is_not_trusted(made):
    with serving(made.server()) as server:
        for name in ("tamis.example", "127.0.0.2"):
            with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
                ask(server, client_context(made.client()), name)


def test_an_expired_server_is_not_trusted(tmp_path):
    old = development_certificate(
        tmp_path, lambda: dt.datetime.now(dt.UTC) - dt.timedelta(days=100)
    )
    with (
        serving(old.server()) as server,
        pytest.raises(ssl.SSLCertVerificationError, match="expired"),
    ):
        ask(server, client_context(old.client()))


def test_a_predictor_lets_the_transformer_in_and_nobody_else(made, others):
    strangers = {
        "no certificate": TlsFiles(authority=made.authority),
        "another authority's": TlsFiles(
            others.client_certificate, others.client_key, made.authority
        ),
        "a server's": TlsFiles(made.certificate, made.key, made.authority),
    }
    with serving(made.server(mutual=True)) as server:
        assert ask(server, client_context(made.client())).startswith("TLSv1.3")
        for files in strangers.values():
            with pytest.raises((ssl.SSLError, ConnectionError)):
                ask(server, client_context(files))
    assert server.troubles == [
        "PEER_DID_NOT_RETURN_A_CERTIFICATE",
        "CERTIFICATE_VERIFY_FAILED",
        "CERTIFICATE_VERIFY_FAILED",
    ]


def test_an_expired_client_is_not_let_in(tmp_path):
    old = development_certificate(
        tmp_path, lambda: dt.datetime.now(dt.UTC) - dt.timedelta(days=100)
    )
    before = TlsFiles(tmp_path / "was.pem", tmp_path / "was-key.pem", old.authority)
    for kept, path in ((old.client_certificate, before.certificate), (old.client_key, before.key)):
        path.write_bytes(kept.read_bytes())
    now = development_certificate(tmp_path)
    with serving(now.server(mutual=True)) as server:
        assert ask(server, client_context(now.client()))
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(server, client_context(before))
    assert server.troubles == ["CERTIFICATE_VERIFY_FAILED"]


def test_files_that_cannot_be_used(made, others, tmp_path):
    junk = tmp_path / "junk.pem"
    junk.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    secret = tmp_path / "secret.pem"
    secret.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")
        )
    )
    rows = [
        (TlsFiles(), "tls_unreadable"),
        (TlsFiles(made.certificate), "tls_unreadable"),
        (TlsFiles(tmp_path / "none.pem", made.key), "tls_unreadable"),
        (TlsFiles(made.certificate, tmp_path / "none.pem"), "tls_unreadable"),
        (TlsFiles(tmp_path, made.key), "tls_unreadable"),
        (TlsFiles(junk, made.key), "tls_unreadable"),
        (TlsFiles(made.certificate, junk), "tls_unreadable"),
        (TlsFiles(made.certificate, empty), "tls_unreadable"),
        (TlsFiles(made.key, made.certificate), "tls_unreadable"),
        (TlsFiles(made.certificate, others.key), "tls_mismatch"),
        (TlsFiles(made.certificate, secret), "tls_encrypted_key"),
        (TlsFiles(made.certificate, made.key, junk), "tls_unreadable"),
        (TlsFiles(made.certificate, made.key, empty), "tls_unreadable"),
        (TlsFiles(made.certificate, made.key, tmp_path / "none.pem"), "tls_unreadable"),
    ]
    for files, code in rows:
        with pytest.raises(InputError) as refusal:
            server_context(files)
        assert refusal.value.code == code, files
    for files in (
        TlsFiles(made.client_certificate, None, made.authority),
        TlsFiles(None, made.client_key, made.authority),
        TlsFiles(authority=junk),
        TlsFiles(made.client_certificate, others.client_key, made.authority),
    ):
        with pytest.raises(InputError):
            client_context(files)


def _self_signed(days: int) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tamis")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(NOW).not_valid_after(NOW + dt.timedelta(days=days))
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


def test_a_chain_ends_with_the_first_of_its_certificates(tmp_path):
    file = tmp_path / "chain.crt"
    for chain in ((90,), (90, 30), (30, 90)):
        file.write_bytes(b"".join(_self_signed(days) for days in chain))
        assert expires(file) == (NOW + dt.timedelta(days=min(chain))).timestamp()


def test_the_expiry_is_what_the_other_end_sees(made):
    decoded = ssl._ssl._test_decode_cert(str(made.certificate))  # type: ignore[attr-defined]
    assert expires(made.certificate) == ssl.cert_time_to_seconds(decoded["notAfter"])


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_no_certificate_has_no_expiry(tmp_path, content):
    file = tmp_path / "tls.crt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError) as refused:
        expires(file)
    assert refused.value.code == "tls_unreadable"
