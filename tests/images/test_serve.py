"""The two servers answer a prediction, under the restrictions of the manifests."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from joserfc import jwk, jwt

from components import catalogue
from components.tokenize.settings import TokenizerSettings
from components.tokenize.tokenize import tokenize
from components.train_logistic.settings import LogisticSettings
from components.train_logistic.train import train
from tests.conftest import ROOT
from tests.images.containers import (
    HARDENED,
    Container,
    answers,
    docker,
    image,
    readable,
    run_once,
    running,
)

pytestmark = pytest.mark.docker
ISSUER = "https://issuer.example.com"
MOST_MB = 700
TRAINING = "ingest evaluate register deploy training train_job"
ABSENT = {
    "predictor": "torch transformers kfp alibi_detect sklearn dvc mlflow.sklearn.nothing pip uv "
    "spacy",
    "transformer": "kfp kserve dvc mlflow pip uv",
    "registry": "torch transformers kfp kserve alibi_detect components serving pip uv",
}
FACTS = """
import errno, os, pathlib, sys, urllib.request
status = dict(line.split(":", 1) for line in open("/proc/1/status") if ":" in line)
try:
    pathlib.Path("/opt/tamis/probe").write_text("x")
except OSError as error:
    print(os.getuid(), int(status["CapEff"], 16), errno.errorcode[error.errno])
"""


@dataclass(frozen=True)
class Service:
    """Both servers and the key that tokens are signed with."""

    predictor: Container
    transformer: Container
    key: jwk.RSAKey

    def token(self, scope: str = "predict", audience: str = "tamis") -> str:
        """A token of the issuer."""
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": audience, "sub": "client", "scope": scope,
            "iat": now, "exp": now + 300, "jti": uuid.uuid4().hex, "client_id": "client",
        }  # fmt: skip
        header = {"alg": "RS256", "typ": "at+jwt", "kid": self.key.kid}
        return str(jwt.encode(header, claims, self.key))

    def classify(self, texts: list[str], token: str | None) -> tuple[int, Any]:
        """Status and body of a request."""
        headers = {"content-type": "application/json"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        request = urllib.request.Request(
            f"{self.transformer.address(8080)}/classify",
            json.dumps({"texts": texts}).encode(),
            headers,
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")


def _mounted_secret(folder: Path, files: dict[str, str]) -> Path:
    """A folder as the kubelet lays a secret out: links to a version of its files."""
    version = folder / "..2026_11_25"
    version.mkdir(parents=True)
    for name, text in files.items():
        (version / name).write_text(text, encoding="utf-8")
        (folder / name).symlink_to(f"..data/{name}")
    (folder / "..data").symlink_to(version.name)
    return folder


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Iterator[Service]:
    """Predictor and transformer on a network of their own."""
    scratch = tmp_path_factory.mktemp("service")
    key = jwk.RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
    config = scratch / "config"
    config.mkdir()
    settings = {
        "profile": "production",
        "model": "tamis",
        "auth": {"issuer": ISSUER, "audience": "tamis", "jwks_file": "/etc/tamis/jwks.json"},
        "journal": {"url": "/tmp/journal.db", "keys": "/etc/tamis-keys"},
    }
    (config / "serving.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (config / "jwks.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    fresh = base64.b64encode(os.urandom(32)).decode()
    keys = _mounted_secret(scratch / "keys", {"k1": fresh, "active": "k1"})
    for folder in (config, keys, bundle):
        readable(folder)
    network = docker("network", "create", f"tamis-{uuid.uuid4().hex[:8]}").strip()
    try:
        with (
            running(
                "predictor",
                options=(
                    f"--network={network}", "--network-alias=predictor",
                    f"--volume={bundle}:/mnt/models:ro", "--publish=127.0.0.1::9090",
                ),
            ) as predictor,
            running(
                "transformer",
                *("--config", "/etc/tamis/serving.yaml", "--model_name", "tamis"),
                *("--predictor_host", "http://predictor:8080", "--host", "0.0.0.0"),
                *("--http_port", "8080", "--metrics-port", "9090"),
                options=(
                    f"--network={network}", f"--volume={config}:/etc/tamis:ro",
                    f"--volume={keys}:/etc/tamis-keys:ro",
                    "--publish=127.0.0.1::8080", "--publish=127.0.0.1::9090",
                ),
            ) as transformer,
        ):  # fmt: skip
            ready = f"{transformer.address(8080)}/v2/health/ready"
            predictor.wait(lambda: answers(f"{predictor.address(9090)}/v2/health/ready"), "ready")
            transformer.wait(lambda: answers(ready), "ready")
            yield Service(predictor, transformer, key)
    finally:
        docker("network", "rm", network)


def test_a_token_gets_a_prediction(service: Service) -> None:
    status, body = service.classify(["a wonderful film"], service.token())
    assert status == 200, body
    (prediction,) = body["predictions"] if isinstance(body, dict) else body
    assert prediction["label"] in ("positive", "negative")
    assert 0.5 <= prediction["score"] <= 1


@pytest.mark.parametrize("case", ["none", "audience", "scope"])
def test_nothing_else_does(service: Service, case: str) -> None:
    tokens = {
        "none": None,
        "audience": service.token(audience="other"),
        "scope": service.token("drift:read"),
    }
    status, _ = service.classify(["a wonderful film"], tokens[case])
    assert status == (403 if case == "scope" else 401)


@pytest.mark.parametrize("server", ["predictor", "transformer"])
def test_it_runs_as_nobody_and_writes_nowhere_but_tmp(service: Service, server: str) -> None:
    container: Container = getattr(service, server)
    facts = docker("exec", container.identity, "python", "-c", FACTS).split()
    assert facts == ["10001", "0", "EROFS"]


@pytest.mark.parametrize("server", ["predictor", "transformer"])
def test_its_own_health_check_and_metrics_work(service: Service, server: str) -> None:
    container: Container = getattr(service, server)
    container.wait(lambda: container.state["Health"]["Status"] == "healthy", "healthy")
    with urllib.request.urlopen(f"{container.address(9090)}/metrics", timeout=5) as answer:
        assert b"tamis" in answer.read()


@pytest.mark.parametrize("name", ABSENT)
def test_it_holds_nothing_that_it_needs_not(name: str) -> None:
    code = (
        "import importlib.util as u, sys\n"
        "def there(n):\n"
        "    try: return u.find_spec(n) is not None\n"
        "    except ModuleNotFoundError: return False\n"
        "print([n for n in sys.argv[1:] if there(n)])"
    )
    unwanted = [*ABSENT[name].split(), "pipelines"]
    unwanted += [f"components.{stage}" for stage in TRAINING.split()]
    unwanted += [f"components.{a.folder}.train" for a in catalogue.ARCHITECTURES.values()]
    assert run_once(name, "python", "-c", code, *unwanted).strip() == "[]"


def test_the_predictor_opens_every_architecture_and_fetches_bundles() -> None:
    code = (
        "from components import catalogue as c\n"
        "print([c.architecture(n).load_classifier().__name__ for n in c.ARCHITECTURES])\n"
        "print([c.tokenizer(n).__name__ for n in c.TOKENIZERS])\n"
        "from components.registry.mlflow_client import quiet_mlflow\n"
        "print(quiet_mlflow().__version__)"
    )
    assert run_once("predictor", "python", "-c", code).startswith("['LogisticClassifier'")
    told = run_once("predictor", "python", "-m", "components.registry.fetch", "--help")
    assert "--digest" in told


def test_a_predictor_built_with_spacy_opens_bundles_of_its_words(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = TokenizerSettings("spacy", pipeline="blank:en", lemmas=True)
    tokenize(dataset, tmp_path / "tokens", words)
    train(dataset, tmp_path / "tokens", tmp_path / "bundle", LogisticSettings(hash_bits=16))
    readable(tmp_path)
    code = (
        "from pathlib import Path; from components.catalogue import open_classifier as o\n"
        "print(o(Path('/mnt/models'))[1].predict_proba(['a good film']).shape)"
    )
    options = (f"--volume={tmp_path / 'bundle'}:/mnt/models:ro",)
    with pytest.raises(RuntimeError, match=r"no_spacy: .*SPACY=1"):
        docker(
            "run", "--rm", *HARDENED, "--network=none", "--entrypoint=", *options,
            image("predictor"), "python", "-c", code,
        )  # fmt: skip
    tag = f"{os.environ['TAG_UNDER_TEST']}-spacy"
    program = os.environ.get("DOCKER", "docker")
    subprocess.run(
        ["make", "image-predictor", "SPACY=1", f"TAG={tag}", f"DOCKER={program}"],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    monkeypatch.setenv("TAG_UNDER_TEST", tag)
    assert run_once("predictor", "python", "-c", code, options=options).strip() == "(1, 2)"


def test_the_predictor_is_small() -> None:
    size = json.loads(docker("image", "inspect", image("predictor")))[0]["Size"]
    assert size < MOST_MB * 1e6


def test_the_registry_starts() -> None:
    options = ("--publish=127.0.0.1::5000",)
    command = ("--host", "0.0.0.0", "--port", "5000", "--backend-store-uri", "sqlite:////tmp/m.db")
    with running("registry", *command, options=options) as registry:
        registry.wait(lambda: answers(f"{registry.address(5000)}/health"), "healthy")


def test_a_signal_ends_them_gently(service: Service) -> None:
    for container in (service.transformer, service.predictor):
        docker("stop", "--time=40", container.identity)
        assert container.state["ExitCode"] == 0, container.logs[-2000:]
