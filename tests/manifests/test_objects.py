"""Every object is one that its API would take, and refers only to what is there."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.manifests.rendered import Object, pods, render
from tests.manifests.sources import OVERLAYS, deployed
from tests.manifests.validation import errors

FOLDERS = (*OVERLAYS, "trainer")


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_object_would_be_taken(folder: str) -> None:
    found = {f"{item['kind']}/{item['metadata']['name']}": errors(item) for item in render(folder)}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_what_the_deploy_stage_makes_would_be_taken() -> None:
    assert [wrong for item in deployed() for wrong in errors(item)] == []


def _with_unknown_fields(item: Any) -> Iterator[Any]:
    """Copies of an object, each with one unknown field in another place."""

    def places(node: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        if isinstance(node, dict):
            yield path
            for key, value in node.items():
                if key not in ("labels", "annotations", "matchLabels", "data", "hard", "selector"):
                    yield from places(value, (*path, key))
        elif isinstance(node, list):
            for i, value in enumerate(node):
                yield from places(value, (*path, i))

    free = {"limits", "requests", "default", "defaultRequest", "max", "stringData"}
    for path in places(item, ()):
        if path and path[-1] in free:
            continue
        changed = copy.deepcopy(item)
        inner = changed
        for key in path:
            inner = inner[key]
        inner["notAField"] = "x"
        yield changed


@pytest.mark.parametrize("kind", sorted({i["kind"] for f in FOLDERS for i in render(f)}))
def test_an_unknown_field_anywhere_is_refused(kind: str) -> None:
    item = next(i for f in FOLDERS for i in render(f) if i["kind"] == kind)
    mutants = list(_with_unknown_fields(item))
    assert mutants
    taken = [mutant for mutant in mutants if not errors(mutant)]
    assert len(taken) == 0, taken[0]


def test_a_value_of_another_type_is_refused() -> None:
    for kind, path, value in (
        ("Deployment", ("spec", "replicas"), "2"),
        ("PodMonitor", ("spec", "podMetricsEndpoints", 0, "interval"), "soon"),
        ("Certificate", ("spec", "isCA"), "perhaps"),
        ("InferenceService", ("spec", "predictor", "minReplicas"), "2"),
        ("HTTPRoute", ("spec", "rules", 0, "backendRefs", 0, "port"), "8080"),
    ):
        item = copy.deepcopy(next(i for f in FOLDERS for i in render(f) if i["kind"] == kind))
        inner: Any = item
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        assert errors(item), kind


def _local_secrets() -> list[Object]:
    file = ROOT / "manifests" / "overlays" / "local" / "secrets.py"
    spec = importlib.util.spec_from_file_location("local_secrets", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: list[Object] = module.local_secrets()
    return made


def _there(overlay: str) -> set[tuple[str, str, str]]:
    """Kind, namespace and name of everything that exists once an overlay is applied."""
    objects = list(render(overlay))
    if overlay == "overlays/local":
        objects += _local_secrets()
    found = {
        (item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"])
        for item in objects
    }
    for item in objects:
        if item["kind"] == "ExternalSecret":
            found.add(("Secret", item["metadata"]["namespace"], item["spec"]["target"]["name"]))
        if item["kind"] == "Certificate":
            found.add(("Secret", item["metadata"]["namespace"], item["spec"]["secretName"]))
    return found


def _references(spec: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "serviceAccountName" in spec:
        yield "ServiceAccount", spec["serviceAccountName"]
    for volume in spec.get("volumes", []):
        if "secret" in volume and not volume["secret"].get("optional"):
            yield "Secret", volume["secret"]["secretName"]
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]
    for container in (*(spec.get("initContainers") or []), *spec["containers"]):
        for source in container.get("envFrom") or []:
            if "secretRef" in source and not source["secretRef"].get("optional"):
                yield "Secret", source["secretRef"]["name"]


@pytest.mark.parametrize("overlay", ["overlays/local", "overlays/production"])
def test_pods_refer_to_what_is_there(overlay: str) -> None:
    there = _there(overlay)
    for pod in pods(render(overlay)):
        for kind, name in _references(pod.spec):
            assert (kind, pod.namespace, name) in there, f"{pod.name}: {kind} {name}"


@pytest.mark.parametrize("overlay", ["overlays/local", "overlays/production"])
def test_even_the_service_s_optional_secrets_are_there(overlay: str) -> None:
    """The deploy stage's pods start without them, but not to any purpose."""
    there = _there(overlay)
    for name in ("tamis-journal-keys", "tamis-transformer", "mlflow-client"):
        assert ("Secret", "tamis", name) in there
    assert ("ConfigMap", "tamis", "tamis-serving") in there
    assert ("ServiceAccount", "tamis", "tamis-serving") in there


def test_the_production_service_refers_to_what_is_there() -> None:
    there = _there("overlays/production")
    for pod in pods(render("service")):
        for kind, name in _references(pod.spec):
            assert (kind, pod.namespace, name) in there, f"{pod.name}: {kind} {name}"


@pytest.mark.parametrize("overlay", ["overlays/local", "overlays/production"])
def test_services_and_budgets_select_a_pod(overlay: str) -> None:
    labels = [pod.labels for pod in pods((*render(overlay), *render("service")))]
    for item in render(overlay):
        if item["kind"] == "Service":
            wanted = item["spec"]["selector"]
        elif item["kind"] == "PodDisruptionBudget":
            wanted = item["spec"]["selector"]["matchLabels"]
        else:
            continue
        assert any(wanted.items() <= own.items() for own in labels), item["metadata"]["name"]


@pytest.mark.parametrize("overlay", ["overlays/local", "overlays/production"])
def test_no_secret_has_its_value_in_git(overlay: str) -> None:
    for item in render(overlay):
        if item["kind"] == "Secret":
            assert not {"data", "stringData"} & set(item), item["metadata"]["name"]


def test_namespaces_refuse_pods_that_are_not_restricted() -> None:
    for overlay in ("overlays/local", "overlays/production"):
        namespaces = [item for item in render(overlay) if item["kind"] == "Namespace"]
        assert [item["metadata"]["name"] for item in namespaces] == ["tamis"]
        labels = namespaces[0]["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_local_secrets_are_new_each_time_and_fit_together() -> None:
    first, second = _local_secrets(), _local_secrets()
    assert first != second
    secrets = {(s["metadata"]["namespace"], s["metadata"]["name"]): s["stringData"] for s in first}
    password = secrets["tamis", "postgresql"]["password"]
    assert secrets["tamis", "tamis-transformer"]["PGPASSWORD"] == password
    assert f":{password}@" in secrets["tamis", "mlflow-server"]["MLFLOW_BACKEND_STORE_URI"]
    assert secrets["tamis", "mlflow-client"] == secrets["kubeflow", "mlflow-client"]
