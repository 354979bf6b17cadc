from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from components.contract.errors import TamisError
from components.registry.aliases import Registry, Version


def test_no_database_is_no_champion(tmp_path):
    registry = Registry(f"sqlite:///{tmp_path / 'none.db'}", "tamis")
    assert registry.resolve("champion") is None
    assert not (tmp_path / "none.db").exists()


def test_a_database_without_tables_is_no_champion(tmp_path):
    (tmp_path / "mlflow.db").touch()
    assert Registry(f"sqlite:///{tmp_path / 'mlflow.db'}", "tamis").resolve("champion") is None


def test_a_file_that_is_no_database_is_unreachable(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(TamisError) as caught:
        Registry(f"sqlite:///{tmp_path / 'mlflow.db'}", "tamis").resolve("champion")
    assert caught.value.code == "registry_unreachable"


def test_registries_differ_by_place_model_and_champion(tmp_path):
    places = [
        Registry(f"sqlite:///{tmp_path / 'a.db'}", "tamis"),
        Registry(f"sqlite:///{tmp_path / 'b.db'}", "tamis"),
        Registry(f"sqlite:///{tmp_path / 'a.db'}", "other"),
    ]
    assert len({place.fingerprint() for place in places}) == 3


@pytest.fixture
def server():
    """An HTTP server that gives one answer and keeps the last request."""
    seen = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.update(path=self.path, authorization=self.headers.get("Authorization"))
            self.send_response(seen["status"])
            self.end_headers()
            self.wfile.write(seen["body"])

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        seen["uri"] = f"http://127.0.0.1:{http.server_port}/"
        yield seen
        http.shutdown()
        thread.join()


def test_a_server_is_asked_with_the_users_credentials(server, monkeypatch):
    version = {"version": "7", "tags": [{"key": "bundle_digest", "value": "abc"}]}
    server.update(status=200, body=json.dumps({"model_version": version}).encode())
    registry = Registry(server["uri"], "tamis")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    assert registry.resolve("champion") == Version("7", {"bundle_digest": "abc"})
    assert server["path"].endswith("/registered-models/alias?name=tamis&alias=champion")
    assert server["authorization"] == "Bearer secret"
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "user")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "pass")
    registry.resolve("champion")
    assert server["authorization"] == "Basic dXNlcjpwYXNz"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, b""),
        (500, b"oops"),
        (404, b"<html>not MLflow</html>"),
        (400, b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "Bad name"}'),
        (200, b"[]"),
        (200, b"not JSON"),
    ],
)
def test_a_server_that_makes_no_sense_is_unreachable(server, status, body):
    server.update(status=status, body=body)
    with pytest.raises(TamisError) as caught:
        Registry(server["uri"], "tamis").resolve("champion")
    assert caught.value.code == "registry_unreachable"


def test_a_silent_port_is_unreachable():
    with pytest.raises(TamisError) as caught:
        Registry("http://127.0.0.1:9", "tamis").resolve("champion")
    assert caught.value.code == "registry_unreachable"
