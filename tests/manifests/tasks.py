"""The policy for the pipeline's tasks, as far as KFP's SDK can say it; the rest is the namespace's.

KFP makes a pod of what the compiled pipeline says of a task: resources and image in the first
document, Kubernetes' own fields in the second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.manifests.policy import DIGEST, LEAST_USER, SECRET_NAME, quantity

SAID_BY_THE_NAMESPACE = ("ephemeral-storage",)
"""Resources that the SDK has no word for: a LimitRange gives them."""
PRIVILEGED = {"tamis-deployer"}
"""Secrets with which a task acts on the cluster."""


@dataclass(frozen=True)
class Task:
    """One executor of a compiled pipeline.

    Attributes:
        name: The task.
        container: What the first document says of it.
        platform: What the second does.
        retry: Its retry policy.
    """

    name: str
    container: Mapping[str, Any]
    platform: Mapping[str, Any]
    retry: Mapping[str, Any]


def tasks(pipeline: Mapping[str, Any], platform: Mapping[str, Any]) -> list[Task]:
    """The tasks of a compiled pipeline's two documents."""
    executors = pipeline["deploymentSpec"]["executors"]
    details = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    retries = {
        task["componentRef"]["name"]: task.get("retryPolicy", {})
        for graph in _graphs(pipeline)
        for task in graph["tasks"].values()
    }
    return [
        Task(
            name.removeprefix("exec-"),
            executor["container"],
            details.get(name, {}),
            retries.get(f"comp-{name.removeprefix('exec-')}", {}),
        )
        for name, executor in executors.items()
    ]


def _graphs(pipeline: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The pipeline's own graph and those of its loops."""
    yield pipeline["root"]["dag"]
    for component in pipeline["components"].values():
        if "dag" in component:
            yield component["dag"]


def findings(task: Task) -> list[str]:
    """Everything that is wrong with a task; empty when nothing is."""
    return [f"{task.name}: {text}" for rule in RULES for text in rule(task)]


def _user(task: Task) -> Iterator[str]:
    context = task.platform.get("securityContext") or {}
    if context.get("runAsNonRoot") is not True:
        yield "may run as root"
    for field in ("runAsUser", "runAsGroup"):
        if int(context.get(field, 0)) < LEAST_USER:
            yield f"its {field} is {context.get(field)}"


def _image(task: Task) -> Iterator[str]:
    if not DIGEST.fullmatch(task.container.get("image", "")):
        yield "its image is not named by digest"
    if task.platform.get("imagePullPolicy") != "IfNotPresent":
        yield "does not say when its image is pulled"


def _resources(task: Task) -> Iterator[str]:
    resources = task.container.get("resources") or {}
    for name in ("Cpu", "Memory"):
        requested, limit = (resources.get(f"resource{name}{side}") for side in ("Request", "Limit"))
        if requested is None or limit is None:
            yield f"has no request and limit of {name.lower()}"
        elif quantity(requested) > quantity(limit):
            yield f"requests more {name.lower()} than its limit"


def _scratch(task: Task) -> Iterator[str]:
    mounts = {mount["mountPath"]: mount for mount in task.platform.get("emptyDirMounts", [])}
    if not mounts.get("/tmp", {}).get("sizeLimit"):
        yield "has no bounded scratch space at /tmp"
    variables = {v["name"]: v.get("value") for v in task.container.get("env", [])}
    if variables.get("HOME") != "/tmp":
        yield "its home is not its scratch space"


def _end(task: Task) -> Iterator[str]:
    if not task.platform.get("activeDeadlineSeconds"):
        yield "may run for ever"
    if not task.retry.get("maxRetryCount") or not task.retry.get("backoffDuration"):
        yield "is not tried again, with a wait"


def _secrets(task: Task) -> Iterator[str]:
    for variable in task.container.get("env", []):
        if SECRET_NAME.search(variable["name"]) and "value" in variable:
            yield f"has the secret {variable['name']} in plain text"
    mounted = {volume["secretName"] for volume in task.platform.get("secretAsVolume", [])}
    if mounted & PRIVILEGED and task.name != "deploy":
        yield "may act on the cluster"


RULES = (_user, _image, _resources, _scratch, _end, _secrets)
