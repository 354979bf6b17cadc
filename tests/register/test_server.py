"""The same registration against a real MLflow server on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from components.register.register import register
from components.registry.aliases import Registry, Version
from components.registry.champion import local_bundle
from tests.register.conftest import SETTINGS

pytestmark = [
    pytest.mark.service,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def server(empty_database, tmp_path):
    database = tmp_path / "server.db"
    shutil.copyfile(empty_database, database)
    uri = f"http://127.0.0.1:{free_port()}"
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"),
        *("--port", uri.rpartition(":")[2], "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{database}"),
        *("--artifacts-destination", str(tmp_path / "artifacts")),
    ]
    log = (tmp_path / "server.log").open("wb")
    process = subprocess.Popen(
        command,
        stdout=log,
        stderr=log,
        start_new_session=True,
        cwd=tmp_path,
        env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
    )
    try:
        for _ in range(720):  # three minutes: it takes long where cores are few
            try:
                urllib.request.urlopen(f"{uri}/health", timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, (tmp_path / "server.log").read_text()
                time.sleep(0.25)
        else:
            pytest.fail((tmp_path / "server.log").read_text())
        yield uri
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)
        log.close()


def test_registering_through_a_server(trained, server, tmp_path):
    from mlflow import MlflowClient

    registry = Registry(server, "tamis")
    assert registry.resolve("champion") is None  # neither the model nor the alias
    facts = register(
        trained.dataset,
        {"logistic": trained.strong},
        tmp_path / "out",
        SETTINGS,
        registry=registry,
    ).facts
    assert facts["decision"]["outcome"] == "promoted"
    theirs = MlflowClient(server).get_model_version_by_alias("tamis", "champion")
    champion = registry.resolve("champion")
    assert champion == Version(str(theirs.version), dict(theirs.tags))
    assert registry.resolve("nobody") is None  # the model, but no such alias
    path = local_bundle(registry, champion, tmp_path / "store")
    assert path.name == champion.bundle_digest
