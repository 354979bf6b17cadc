from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

from components.contract.artifact import read_manifest
from components.contract.environment import environment
from components.contract.errors import InputError, TamisError
from components.registry.aliases import Registry
from components.registry.champion import bundle_store
from serving.predictor.fetch import fetch
from serving.predictor.reload import load
from serving.predictor.settings import BatchSettings
from serving.predictor.source import DirectorySource, RegistrySource, Release, open_source


def registry_with(path: Path, model: str, versions: dict[str, str], champion: str) -> Registry:
    """The tables of MLflow's registry that an alias is looked up in.

    Args:
        path: The SQLite file.
        model: The model's name.
        versions: Version -> bundle digest.
        champion: The version that the alias points to.
    """
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "DROP TABLE IF EXISTS registered_model_aliases;"
            "DROP TABLE IF EXISTS model_version_tags;"
            "CREATE TABLE registered_model_aliases (name TEXT, alias TEXT, version INTEGER);"
            "CREATE TABLE model_version_tags (name TEXT, version INTEGER, key TEXT, value TEXT);"
        )
        connection.execute(
            "INSERT INTO registered_model_aliases VALUES (?, 'champion', ?)", (model, champion)
        )
        connection.executemany(
            "INSERT INTO model_version_tags VALUES (?, ?, 'bundle_digest', ?)",
            [(model, version, digest) for version, digest in versions.items()],
        )
    connection.close()
    return Registry(f"sqlite:///{path}", model)


def keep(registry: Registry, bundle: Path) -> str:
    """Put a bundle into the registry's local store; returns its digest."""
    digest = read_manifest(bundle).digest
    shutil.copytree(bundle, bundle_store(registry) / digest, dirs_exist_ok=True)
    return digest


def test_a_directory_is_known_by_its_manifest(graph_bundle: Path, tmp_path: Path) -> None:
    source = DirectorySource(graph_bundle)
    release = asyncio.run(source.newest())
    assert release == Release("", read_manifest(graph_bundle).digest)
    assert asyncio.run(source.fetch(release)) == graph_bundle
    assert asyncio.run(source.repair(release)) is None
    with pytest.raises(InputError) as caught:
        asyncio.run(DirectorySource(tmp_path).newest())
    assert caught.value.code == "not_found"


def test_an_alias_is_followed_to_its_version(graph_bundle: Path, tmp_path: Path) -> None:
    digest = read_manifest(graph_bundle).digest
    registry = registry_with(tmp_path / "mlflow.db", "tamis", {"4": digest, "5": "ab"}, "4")
    keep(registry, graph_bundle)
    source = RegistrySource(registry, "champion")
    release = asyncio.run(source.newest())
    assert release == Release("4", digest)
    assert asyncio.run(source.fetch(release)) == bundle_store(registry) / digest


@pytest.mark.parametrize("digest", ["", "../../etc"])
def test_an_alias_without_a_bundle_of_ours_is_refused(
    tmp_path: Path, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the developer's own champion lies elsewhere
    registry = registry_with(tmp_path / "mlflow.db", "tamis", {"4": digest}, "4")
    for alias in ("champion", "challenger"):
        with pytest.raises(InputError) as caught:
            asyncio.run(RegistrySource(registry, alias).newest())
        assert caught.value.code == "no_champion"
    with pytest.raises(InputError):
        fetch("newest", "tamis", "champion")  # the environment's registry: there is none


class Mlflow:
    """The few answers of MLflow's REST API that a download needs; nobody here registers anything.

    https://mlflow.org/docs/latest/api_reference/rest-api.html
    """

    def __init__(self, bundle: Path, digest: str) -> None:
        tags = [{"key": "bundle_digest", "value": digest}]
        version = {"name": "tamis", "version": "4", "tags": tags}
        answers: dict[str, Any] = {
            "registered-models/get": {"registered_model": {"name": "tamis"}},
            "registered-models/alias": {"model_version": version},
            "model-versions/get-download-uri": {"artifact_uri": bundle.parent.as_uri()},
        }

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = urllib.parse.urlsplit(self.path).path.partition("/mlflow/")[2]
                body = json.dumps(answers.get(name, {})).encode()
                self.send_response(200 if name in answers else 404)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def mlflow(graph_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copytree(graph_bundle, tmp_path / "run" / "artifacts" / "bundle")
    monkeypatch.chdir(tmp_path)  # the store of bundles is in the working directory
    with Mlflow(tmp_path / "run" / "artifacts", read_manifest(graph_bundle).digest) as server:
        yield server


def set_address(monkeypatch: pytest.MonkeyPatch, address: str) -> RegistrySource:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    environment.cache_clear()
    return RegistrySource(Registry(address, "tamis"), "champion")


def test_a_bad_copy_is_downloaded_again_by_another_process(
    mlflow: Mlflow, graph_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = set_address(monkeypatch, f"http://127.0.0.1:{mlflow.port}")
    digest = keep(source.registry, graph_bundle)
    kept = bundle_store(source.registry) / digest
    (kept / "model.onnx").write_bytes(b"not a graph")
    release = asyncio.run(source.newest())
    assert release == Release("4", digest)
    served = asyncio.run(load(source, release, BatchSettings(workers=1)))
    assert (served.version, served.digest) == ("4", digest)
    assert (kept / "model.onnx").read_bytes() == (graph_bundle / "model.onnx").read_bytes()


def test_an_address_with_a_password_is_asked_by_another_process(
    mlflow: Mlflow, graph_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = set_address(monkeypatch, f"http://user:secret@127.0.0.1:{mlflow.port}")
    assert asyncio.run(source.newest()) == Release("4", read_manifest(graph_bundle).digest)


def test_what_the_other_process_finds_wrong_is_told(
    graph_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that is sound stays; what can't be had is a sentence of the other process."""
    digest = read_manifest(graph_bundle).digest
    registry = registry_with(tmp_path / "mlflow.db", "tamis", {"4": digest}, "4")
    set_address(monkeypatch, registry.uri)
    keep(registry, graph_bundle)
    kept = bundle_store(registry) / digest
    assert fetch("repair", "tamis", "champion")["path"] == str(kept)
    source = RegistrySource(registry, "challenger")
    with pytest.raises(TamisError) as caught:
        asyncio.run(source.fetch(Release("5", "ab" * 32)))
    assert caught.value.code == "no_champion"


def test_the_settings_choose_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////x.db")
    environment.cache_clear()
    assert open_source(tmp_path, "tamis@champion") == DirectorySource(tmp_path)
    registry = Registry("sqlite:////x.db", "reviews")
    assert open_source(None, "reviews@challenger") == RegistrySource(registry, "challenger")
    assert open_source(None, "reviews") == RegistrySource(registry, "champion")
