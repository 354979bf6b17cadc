"""Which credentials are used, and what the Kubernetes API's answers become."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client

from components.cluster import objects
from components.cluster.errors import ConflictError
from components.cluster.objects import CustomObjects, connect, own_namespace
from components.contract.errors import TamisError
from tests.cluster.server import ApiServer

WHERE = ("example.com", "v1", "things")
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "WAIT_S", 0.01)


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer("/apis/example.com/v1/namespaces/n/things") as running:
        yield running


def things(server: ApiServer, token: str = "") -> CustomObjects:
    configuration = client.Configuration(host=server.url)
    configuration.retries = False
    if token:
        configuration.api_key = {"authorization": f"Bearer {token}"}
    return CustomObjects(client.ApiClient(configuration), "n", *WHERE)


def thing(name: str = "a") -> dict[str, object]:
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": name},
            "spec": {"size": 1}}  # fmt: skip


def test_objects_come_and_go(server: ApiServer) -> None:
    api = things(server)
    assert api.get("a") is None
    made = api.create(thing())
    assert api.get("a") == made
    changed = api.update({**made, "spec": {"size": 2}})
    assert changed["metadata"]["generation"] == 2
    api.delete("a")
    api.delete("a")
    assert api.get("a") is None


def test_an_object_that_changed_since_it_was_read_is_left(server: ApiServer) -> None:
    api = things(server)
    made = api.create(thing())
    server.set_status("a", {"phase": "x"})
    with pytest.raises(ConflictError):
        api.update({**made, "spec": {"size": 2}})
    with pytest.raises(ConflictError):
        api.create(thing())
    api.delete("a")
    with pytest.raises(ConflictError):
        api.update(made)


def test_waiting_sees_a_change_as_it_happens(server: ApiServer) -> None:
    import threading

    api = things(server)
    api.create(thing())
    timer = threading.Timer(0.3, server.set_status, ("a", {"phase": "done"}))
    started = time.monotonic()
    timer.start()
    seen = api.wait("a", lambda d: d.get("status", {}).get("phase") == "done", 30)
    assert seen is not None
    assert time.monotonic() - started < 10
    timer.join()


def test_waiting_ends_at_its_deadline_with_what_was_seen(server: ApiServer) -> None:
    api = things(server)
    assert api.wait("a", lambda d: True, 0.1) is None
    api.create(thing())
    seen = api.wait("a", lambda d: False, 0.1)
    assert seen is not None
    assert seen["spec"] == {"size": 1}


@pytest.mark.parametrize("verb", ["get", "create", "update", "delete", "watch"])
def test_a_missing_right_is_named(server: ApiServer, verb: str) -> None:
    api = things(server)
    made = api.create(thing())
    server.forbidden = {verb}
    calls = {
        "get": lambda: api.get("a"),
        "create": lambda: api.create(thing("b")),
        "update": lambda: api.update(made),
        "delete": lambda: api.delete("a"),
        "watch": lambda: api.wait("a", lambda d: False, 5),
    }
    with pytest.raises(TamisError) as caught:
        calls[verb]()
    assert caught.value.code == "forbidden"
    assert f"cannot {verb} resource" in str(caught.value)


def test_what_the_schema_refuses_is_told(server: ApiServer) -> None:
    server.check = lambda document: "spec.size: must be\nsmall"
    with pytest.raises(TamisError) as caught:
        things(server).create(thing())
    assert caught.value.code == "refused"
    assert "must be small" in str(caught.value)


def test_the_mounted_token_goes_before_the_pods_own(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import certifi

    mounted, own = tmp_path / "deployer", tmp_path / "own-namespace"
    monkeypatch.setattr(objects, "TOKEN", mounted)
    monkeypatch.setattr(objects, "OWN_NAMESPACE", own)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(TamisError) as caught:
        connect()
    assert caught.value.code == "cluster_unreachable"
    assert own_namespace() == "default"
    own.write_text("kubeflow")
    assert own_namespace() == "kubeflow"
    mounted.mkdir()
    (mounted / "token").write_text("deployers")
    (mounted / "namespace").write_text("tamis\n")
    (mounted / "ca.crt").write_text(Path(certifi.where()).read_text())
    configuration = connect().configuration
    assert configuration.host == "https://127.0.0.1:6443"
    assert configuration.get_api_key_with_prefix("authorization").lower() == "bearer deployers"
    assert configuration.ssl_ca_cert == str(mounted / "ca.crt")
    assert own_namespace() == "tamis"


def test_a_token_is_sent(server: ApiServer) -> None:
    server.tokens = {"good"}
    assert things(server, "good").get("a") is None
    with pytest.raises(TamisError) as caught:
        things(server, "bad").get("a")
    assert caught.value.code == "forbidden"


def test_what_is_being_deleted_is_waited_for(server: ApiServer) -> None:
    import threading

    api = things(server)
    server.put("a", {"size": 1}, deletionTimestamp="2026-01-01T00:00:00Z")
    with pytest.raises(TamisError) as caught:
        api.wait_gone_if_leaving("a", 0.1)
    assert caught.value.code == "still_leaving"
    timer = threading.Timer(0.1, server.objects.clear)
    timer.start()
    assert api.wait_gone_if_leaving("a", 30) is None
    timer.join()
