"""What `kubectl kustomize` makes of each overlay, and the pods that would come of it."""

from __future__ import annotations

import functools
import os
import subprocess
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "manifests"
KUBECTL = Path(sysconfig.get_path("scripts")) / "kubectl"
Object = dict[str, Any]


@dataclass(frozen=True)
class Pod:
    """A pod that an object asks for.

    Attributes:
        name: Object and, of an InferenceService, component.
        namespace: Where.
        labels: What it is labelled with in a cluster.
        spec: Its specification; of an InferenceService's component, that component's.
        production: Whether it runs in production.
    """

    name: str
    namespace: str
    labels: dict[str, str]
    spec: dict[str, Any]
    production: bool


@functools.cache
def render(folder: str) -> tuple[Object, ...]:
    """The objects of one folder under `manifests/`."""
    done = subprocess.run(
        [str(KUBECTL), "kustomize", str(MANIFESTS / folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HOME": "/nonexistent"},
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr  # deprecated fields are told there
    return tuple(yaml.safe_load_all(done.stdout))


def pods(objects: Iterable[Object], production: bool = False) -> Iterator[Pod]:
    """Every pod that the objects ask for."""
    for item in objects:
        kind, metadata, spec = item["kind"], item["metadata"], item.get("spec", {})
        if kind in ("Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet"):
            template = spec["template"]
            yield _pod(kind, metadata, template["metadata"]["labels"], template["spec"], production)
        elif kind == "CronJob":
            template = spec["jobTemplate"]["spec"]["template"]
            yield _pod(kind, metadata, template["metadata"]["labels"], template["spec"], production)
        elif kind == "Pod":
            yield _pod(kind, metadata, metadata.get("labels", {}), spec, production)
        elif kind == "InferenceService":
            for component in ("predictor", "transformer"):
                # What KServe's controller adds in RawDeployment mode.
                service = f"{metadata['name']}-{component}"
                labels = {
                    **metadata["labels"],
                    "app": f"isvc.{service}",
                    "component": component,
                    "serving.kserve.io/inferenceservice": metadata["name"],
                }
                own = {**metadata, "name": service}
                yield _pod(kind, own, labels, spec[component], production)


def _pod(
    kind: str,
    metadata: dict[str, Any],
    labels: dict[str, str],
    spec: dict[str, Any],
    production: bool,
) -> Pod:
    return Pod(f"{kind}/{metadata['name']}", metadata["namespace"], labels, spec, production)
