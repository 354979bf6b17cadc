"""The service over TLS: towards its clients, and towards a predictor that wants a certificate."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from serving.development_certificate import DevelopmentCertificate, development_certificate
from serving.local import free_port, ready
from serving.tls import TlsFiles, client_context, expires
from tests.serving.processes import Pair, make_pair

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Secured:
    """A pair, and the certificates that both were started with."""

    pair: Pair
    files: DevelopmentCertificate
    url: str


def settings(files: DevelopmentCertificate, predictor: str) -> dict[str, object]:
    return {
        "predictor": predictor,
        "tls": {
            "cert": str(files.certificate),
            "key": str(files.key),
            "predictor_ca": str(files.authority),
            "predictor_cert": str(files.client_certificate),
            "predictor_key": str(files.client_key),
        },
    }


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    files = development_certificate(folder / "tls")
    port = free_port()
    pair = make_pair(bundle, folder, settings(files, f"https://localhost:{port}"))
    tls = ["--tls-cert", str(files.certificate), "--tls-key", str(files.key)]
    tls += ["--tls-client-ca", str(files.authority)]
    command = pair.predictor.command
    command[command.index("--port") + 1 :] = [str(port), *tls]
    url = pair.url.replace("http://127.0.0.1", "https://localhost")
    try:
        pair.predictor.start()
        pair.transformer.start()
        pair.predictor.wait_until(
            lambda: ready(f"{url}/v2/health/ready") or not pair.transformer.alive, "a ready pair"
        )
        assert pair.transformer.alive, pair.transformer.text()[-3_000:]
        yield Secured(pair, files, url)
    finally:
        pair.transformer.end()
        pair.predictor.end()


def client(secured: Secured, context: ssl.SSLContext) -> httpx.Client:
    headers = secured.pair.headers()
    return httpx.Client(
        base_url=secured.url, headers=headers, verify=context, trust_env=False, timeout=30
    )


def trusting(secured: Secured) -> ssl.SSLContext:
    return client_context(TlsFiles(None, None, secured.files.authority))


def test_a_request_crosses_both_hops(secured: Secured) -> None:
    with client(secured, trusting(secured)) as asking:
        (row,) = asking.post("/classify", json={"texts": ["fine"]}).json()
        body = {"id": row["id"], "label": row["label"]}
        assert asking.post("/feedback", json=body).json()["right"] is True


def test_a_stranger_to_the_authority_does_not_connect(secured: Secured) -> None:
    with (
        client(secured, ssl.create_default_context()) as asking,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        asking.get("/v2/health/live")


def test_old_versions_are_refused(secured: Secured) -> None:
    old = trusting(secured)
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with client(secured, old) as asking, pytest.raises(httpx.ConnectError):
        asking.get("/v2/health/live")


def test_the_predictor_answers_nobody_without_a_certificate(secured: Secured) -> None:
    port = secured.pair.predictor.command[secured.pair.predictor.command.index("--port") + 1]
    address = f"https://localhost:{port}/v2/health/live"
    with pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)):
        httpx.get(address, verify=trusting(secured), trust_env=False)
    ours = client_context(secured.files.client())
    assert httpx.get(address, verify=ours, trust_env=False).status_code == 200


@pytest.mark.parametrize("what", ["no certificate", "another authority"])
def test_a_transformer_that_the_predictor_refuses_is_not_ready(
    secured: Secured, bundle: Path, tmp_path: Path, what: str
) -> None:
    predictor = secured.pair.predictor.command
    address = f"https://localhost:{predictor[predictor.index('--port') + 1]}"
    others = development_certificate(tmp_path / "others")
    told = settings(secured.files, address)
    assert isinstance(told["tls"], dict)
    if what == "no certificate":
        told["tls"] |= {"predictor_cert": "", "predictor_key": ""}
    else:
        told["tls"] |= {"predictor_ca": str(others.authority)}
    pair = make_pair(bundle, tmp_path, told)
    url = pair.url.replace("http://127.0.0.1", "https://localhost")
    try:
        pair.transformer.start()
        pair.transformer.wait_until(lambda: "ready" in str(pair.transformer.events("ready")), "it")
        with httpx.Client(
            base_url=url, headers=pair.headers(), verify=trusting(secured), trust_env=False
        ) as asking:
            assert asking.get("/v2/health/live").status_code == 200
            assert asking.get("/v2/health/ready").status_code == 503
            answer = asking.post("/classify", json={"texts": ["fine"]})
            assert answer.status_code in (502, 503)
            assert answer.json()["error"]["code"] in ("predictor_unavailable", "predictor_failed")
    finally:
        pair.transformer.end()


def test_both_tell_when_their_certificates_end(secured: Secured) -> None:
    def told(metrics: str) -> dict[str, float]:
        found = re.findall(r'certificate_expiry_timestamp_seconds\{use="(\w+)"\} (\S+)', metrics)
        return {use: float(value) for use, value in found}

    server, client_ = (
        expires(file) for file in (secured.files.certificate, secured.files.client_certificate)
    )
    assert told(secured.pair.metrics()) == {"server": server, "client": client_}
    context = client_context(secured.files.client())
    port = secured.pair.predictor.command[secured.pair.predictor.command.index("--port") + 1]
    answer = httpx.get(f"https://localhost:{port}/metrics", verify=context, trust_env=False)
    assert told(answer.text) == {"server": server}
