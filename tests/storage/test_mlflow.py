"""MLflow as the manifests run it: PostgreSQL, S3 through the server, logins.

The server's settings are those that the local overlay mounts; its bucket is made by the overlay's
own init container's script; the clients hold a password and no key to the bucket.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.register.register import register
from components.registry.aliases import Registry
from serving.local import free_port
from tests.conftest import ROOT
from tests.manifests.rendered import pods, render
from tests.object_store import S3
from tests.register.conftest import SETTINGS, Trained

pytestmark = [
    pytest.mark.service,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
]
USER, PASSWORD = "tamis", "a-password-of-the-tests"
BUCKET = "tamis-mlflow"
PATIENCE_S = 180
"""Two databases are made and migrated, on a machine that may be busy."""


@dataclass(frozen=True)
class Server:
    """The server.

    Attributes:
        uri: Its address.
        s3: Its bucket's server.
    """

    uri: str
    s3: S3

    def status(self, path: str, password: str = "") -> int:
        """The status of a request."""
        request = urllib.request.Request(f"{self.uri}{path}")
        if password:
            login = base64.b64encode(f"{USER}:{password}".encode()).decode()
            request.add_header("Authorization", f"Basic {login}")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code


def _auth_file() -> str:
    """The template that the local overlay's secrets are made of."""
    file = ROOT / "manifests" / "overlays" / "local" / "secrets.py"
    spec = importlib.util.spec_from_file_location("local_secrets", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.AUTH)


def _arguments(port: int) -> list[str]:
    """The overlay's, at a port of ours."""
    (pod,) = (p for p in pods(render("overlays/local")) if p.name == "Deployment/mlflow")
    changed = {
        "--port": str(port),
        "--host": "127.0.0.1",
        "--workers": "1",
        "--allowed-hosts": f"127.0.0.1:{port}",
    }
    arguments = []
    for argument in pod.spec["containers"][0]["args"]:
        name, _, value = argument.partition("=")
        arguments.append(f"{name}={changed.get(name, value)}")
    assert f"--artifacts-destination=s3://{BUCKET}/artifacts" in arguments
    return arguments


@pytest.fixture(scope="module")
def server(postgres: str, s3: S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """It, with its two databases and its bucket."""
    import psycopg

    folder = tmp_path_factory.mktemp("mlflow")
    port = free_port()
    address = postgres.removeprefix("postgresql://").rpartition("/")[0]
    with psycopg.connect(postgres, autocommit=True) as connection:
        for name in ("mlflow", "mlflow_auth"):
            connection.execute(f"CREATE DATABASE {name}")
    auth = folder / "basic_auth.ini"
    template = _auth_file().replace("tamis:{database}@postgresql:5432", address)
    auth.write_text(template, encoding="utf-8")
    environment = {
        **os.environ,
        **s3.variables,
        "MLFLOW_S3_ENDPOINT_URL": s3.endpoint,
        "MLFLOW_BACKEND_STORE_URI": f"postgresql+psycopg://{address}/mlflow",
        "MLFLOW_AUTH_CONFIG_PATH": str(auth),
        "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "a-session-key-of-the-tests",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    (pod,) = (p for p in pods(render("overlays/local")) if p.name == "Deployment/mlflow")
    script = pod.spec["initContainers"][0]["args"][0]
    for _ in range(2):  # a pod that starts again finds its buckets
        subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *_arguments(port)],
            env=environment,
            cwd=folder,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        uri = f"http://127.0.0.1:{port}"
        _wait_for(f"{uri}/health", process, log, PATIENCE_S)
        yield Server(uri, s3)
    finally:
        os.killpg(process.pid, 15)
        process.wait(60)


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `mlflow-client` gives a task, and nothing of S3."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", USER)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)


def test_nobody_gets_in_without_a_password(server: Server) -> None:
    path = "/api/2.0/mlflow/experiments/search?max_results=1"
    assert server.status("/health") == 200
    assert server.status(path) == 401
    assert server.status(path, "wrong") == 401
    assert server.status(path, PASSWORD) == 200


@pytest.mark.usefixtures("login")
def test_a_registration_ends_in_postgresql_and_s3(
    server: Server, trained: Trained, tmp_path: Path
) -> None:
    registry = Registry(server.uri, "tamis")
    facts = register(
        trained.dataset,
        {"logistic": trained.strong},
        tmp_path / "registration",
        SETTINGS,
        registry=registry,
    ).facts
    assert facts["champion"]["architecture"] == "logistic"
    champion = registry.resolve("champion")
    assert champion is not None
    names = server.s3.names(BUCKET)
    assert any(name.endswith("weights.safetensors") for name in names)
    assert all(name.startswith("artifacts/") for name in names)

    # What the service's init container runs, with what its pod has.
    fetched = subprocess.run(
        [
            *(sys.executable, "-m", "components.registry.fetch", "--model", "tamis"),
            *("--version", champion.number, "--digest", champion.bundle_digest),
            *("--out", str(tmp_path / "models")),
        ],
        env={**os.environ, "MLFLOW_TRACKING_URI": server.uri, "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert fetched.returncode == 0, fetched.stderr
    manifest = json.loads((tmp_path / "models" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["digest"] == champion.bundle_digest


@pytest.mark.usefixtures("login")
def test_a_changed_object_is_not_served(server: Server, trained: Trained, tmp_path: Path) -> None:
    """Whoever can write to the bucket can't make a server open what was not registered."""
    registry = Registry(server.uri, "tamis")
    facts = register(
        trained.dataset,
        {"logistic": trained.strong},
        tmp_path / "registration",
        SETTINGS,
        registry=registry,
    ).facts
    champion = facts["champion"]
    client = server.s3.client()
    (weights,) = {
        name for name in server.s3.names(BUCKET) if name.endswith("bundle/weights.safetensors")
    }
    content = client.get_object(Bucket=BUCKET, Key=weights)["Body"].read()
    client.put_object(Bucket=BUCKET, Key=weights, Body=content[:-1] + bytes([content[-1] ^ 1]))
    try:
        fetched = subprocess.run(
            [
                *(sys.executable, "-m", "components.registry.fetch", "--model", "tamis"),
                *("--version", champion["version"], "--digest", champion["bundle_digest"]),
                *("--out", str(tmp_path / "models")),
            ],
            env={**os.environ, "MLFLOW_TRACKING_URI": server.uri, "HOME": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        client.put_object(Bucket=BUCKET, Key=weights, Body=content)
    assert fetched.returncode != 0
    assert "corrupted" in fetched.stderr
    assert "Traceback" not in fetched.stderr


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path, patience: float) -> None:
    """Wait until an address answers anything."""
    deadline = time.monotonic() + patience
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
