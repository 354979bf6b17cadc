"""Every pod follows the policy, and the policy notices each way not to."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.manifests.policy import findings, quantity
from tests.manifests.rendered import Pod
from tests.manifests.sources import every_pod

Change = Callable[[dict[str, Any]], None]


def test_every_pod_follows_the_policy() -> None:
    found = [text for pod in every_pod() for text in findings(pod)]
    assert found == []


def test_the_pods_are_those_of_the_whole_project() -> None:
    names = {pod.name for pod in every_pod()}
    assert names == {
        "CronJob/tamis-journal-rotate",
        "Deployment/mlflow",
        "Deployment/tamis-retrain",
        "InferenceService/tamis-canary-predictor",
        "InferenceService/tamis-canary-transformer",
        "InferenceService/tamis-predictor",
        "InferenceService/tamis-transformer",
        "StatefulSet/postgresql",
        "StatefulSet/s3",
    }


def _without(*path: str | int) -> Change:
    """Removes what lies at a path."""

    def change(spec: dict[str, Any]) -> None:
        *way, last = path
        inner: Any = spec
        for key in way:
            inner = inner[key]
        del inner[last]

    return change


def _with(value: Any, *path: str | int) -> Change:
    """Puts a value at a path."""

    def change(spec: dict[str, Any]) -> None:
        *way, last = path
        inner: Any = spec
        for key in way:
            inner = inner.setdefault(key, {}) if isinstance(inner, dict) else inner[key]
        inner[last] = value

    return change


def _weaken_pod(pod: Pod) -> Iterator[tuple[str, Change]]:
    context = "securityContext"
    yield "no automount: removed", _without("automountServiceAccountToken")
    yield "no automount: true", _with(True, "automountServiceAccountToken")
    yield "service links: removed", _without("enableServiceLinks")
    yield "service links: true", _with(True, "enableServiceLinks")
    for field in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
        yield field, _with(True, field)
    yield "pod context: removed", _without(context)
    yield "pod non-root: removed", _without(context, "runAsNonRoot")
    yield "pod non-root: false", _with(False, context, "runAsNonRoot")
    yield "pod seccomp: removed", _without(context, "seccompProfile")
    yield "pod seccomp: unconfined", _with("Unconfined", context, "seccompProfile", "type")
    yield "fsGroup: removed", _without(context, "fsGroup")
    yield "sysctls", _with([{"name": "kernel.msgmax", "value": "1"}], context, "sysctls")
    yield "no container", _with([], "containers")
    yield "ephemeral container", _with([{"name": "debug"}], "ephemeralContainers")
    for i, volume in enumerate(pod.spec.get("volumes", [])):
        if "emptyDir" in volume:
            yield "scratch size: removed", _with({}, "volumes", i, "emptyDir")
            yield (
                "hostPath",
                _with({"name": volume["name"], "hostPath": {"path": "/"}}, "volumes", i),
            )
        if "secret" in volume:
            yield "secret mode: removed", _without("volumes", i, "secret", "defaultMode")
            yield "secret mode: 0644", _with(0o644, "volumes", i, "secret", "defaultMode")


def _weaken_container(pod: Pod, kind: str, i: int) -> Iterator[tuple[str, Change]]:
    container, at = pod.spec[kind][i], (kind, i)
    context = (*at, "securityContext")
    yield "context: removed", _without(*context)
    yield "privileged", _with(True, *context, "privileged")
    yield "proc", _with("Unmasked", *context, "procMount")
    for field, bad in (
        ("allowPrivilegeEscalation", True),
        ("readOnlyRootFilesystem", False),
        ("runAsNonRoot", False),
    ):
        yield f"{field}: removed", _without(*context, field)
        yield f"{field}: {bad}", _with(bad, *context, field)
    yield "capabilities: removed", _without(*context, "capabilities")
    yield "capabilities: some dropped", _with(["NET_RAW"], *context, "capabilities", "drop")
    yield "capabilities: one added", _with(["NET_ADMIN"], *context, "capabilities", "add")
    yield "seccomp: removed", _without(*context, "seccompProfile")
    yield "seccomp: unconfined", _with("Unconfined", *context, "seccompProfile", "type")
    for field in ("runAsUser", "runAsGroup"):
        yield f"{field}: root", _with(0, *context, field)
        yield f"{field}: a host's", _with(33, *context, field)
    yield "resources: removed", _without(*at, "resources")
    for side in ("requests", "limits"):
        yield f"{side}: removed", _without(*at, "resources", side)
        for name in ("cpu", "memory", "ephemeral-storage"):
            yield f"{side}: no {name}", _without(*at, "resources", side, name)
    for name, huge in (("cpu", "999"), ("memory", "9Ti"), ("ephemeral-storage", "9Ti")):
        yield f"request over limit: {name}", _with(huge, *at, "resources", "requests", name)
    yield "image: no tag", _with("tamis", *at, "image")
    if pod.production:
        yield "image: a tag", _with("registry.example.com/tamis:1", *at, "image")
        yield "image: a short digest", _with("registry.example.com/tamis@sha256:ab", *at, "image")
    yield "pull policy: removed", _without(*at, "imagePullPolicy")
    yield "pull policy: never", _with("Never", *at, "imagePullPolicy")
    yield "secret in plain text", _with([{"name": "DB_PASSWORD", "value": "x"}], *at, "env")
    yield "host port", _with([{"containerPort": 1, "hostPort": 1}], *at, "ports")
    volumes = {v["name"]: v for v in pod.spec.get("volumes", [])}
    for j, mount in enumerate(container.get("volumeMounts", [])):
        volume = volumes.get(mount["name"], {})
        if {"secret", "configMap"} & set(volume):
            yield "mount: writable", _without(*at, "volumeMounts", j, "readOnly")
        if mount["mountPath"] == "/tmp":
            yield "no scratch space", _without(*at, "volumeMounts", j)
    if kind == "containers":
        yield from _weaken_end(pod, i)


def _weaken_end(pod: Pod, i: int) -> Iterator[tuple[str, Change]]:
    """How a server shows that it works, and a job that it ends."""
    container, at = pod.spec["containers"][i], ("containers", i)
    if "restartPolicy" in pod.spec:
        yield "deadline: removed", _without("activeDeadlineSeconds")
        yield "a server without probes", _without("restartPolicy")
        return
    for name in ("startup", "readiness", "liveness"):
        yield f"{name} probe: removed", _without(*at, f"{name}Probe")
    yield "liveness is readiness", _with(container["readinessProbe"], *at, "livenessProbe")
    yield "start-up in a hurry", _with(1, *at, "startupProbe", "failureThreshold")
    yield "liveness in a hurry", _with(1, *at, "livenessProbe", "failureThreshold")


def _weakened(pod: Pod) -> Iterator[tuple[str, Pod]]:
    changes = list(_weaken_pod(pod))
    for kind in ("initContainers", "containers"):
        for i in range(len(pod.spec.get(kind) or [])):
            changes += _weaken_container(pod, kind, i)
    for name, change in changes:
        spec = copy.deepcopy(pod.spec)
        change(spec)
        assert spec != pod.spec, f"{pod.name}: {name} changes nothing"
        yield name, Pod(pod.name, pod.namespace, pod.labels, spec, pod.production)


def test_each_weakened_pod_is_noticed() -> None:
    kinds: Counter[str] = Counter()
    missed = []
    for pod in every_pod():
        for name, mutant in _weakened(pod):
            kinds[name] += 1
            if not findings(mutant):
                missed.append(f"{pod.name}: {name}")
    assert missed == []
    assert len(kinds) >= 60
    assert kinds.total() >= 1_000


@pytest.mark.parametrize(
    ("text", "value"), [("500m", "0.5"), ("2", "2"), ("1Gi", "1073741824"), ("1G", "1000000000")]
)
def test_quantities_are_compared_as_numbers(text: str, value: str) -> None:
    assert quantity(text) == quantity(value)
