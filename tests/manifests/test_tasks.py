"""The pipeline's tasks follow the policy, and what KFP can't say of them the namespace does."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.manifests.rendered import render
from tests.manifests.tasks import SAID_BY_THE_NAMESPACE, Task, findings, tasks

IMAGE = f"registry.example.com/tamis/tamis-train@sha256:{'2' * 64}"


@pytest.fixture(scope="module", params=[1, 4], ids=["one-shard", "four-shards"])
def compiled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> list[Task]:
    """The demo's pipeline with its deploy stage, compiled for production, also fanned out."""
    from pipelines import parameters
    from pipelines.cluster import compile_pipeline

    chosen = parameters.load(ROOT / "params.yaml")
    chosen = dataclasses.replace(
        chosen,
        cluster=dataclasses.replace(chosen.cluster, image=IMAGE, shards=request.param),
        deploy={**chosen.deploy, "enabled": True},
    )
    file = tmp_path_factory.mktemp("compiled") / "pipeline.yaml"
    compile_pipeline(chosen, file)
    return tasks(*yaml.safe_load_all(file.read_text(encoding="utf-8")))


def test_every_task_follows_the_policy(compiled: list[Task]) -> None:
    assert [text for task in compiled for text in findings(task)] == []


def test_the_tasks_are_the_whole_pipeline(compiled: list[Task]) -> None:
    kinds = {task.name.partition("-")[0] for task in compiled}
    assert kinds == {"ingest", "tokenize", "train", "evaluate", "register", "deploy"}
    roles = {task.name.rpartition("-")[2] for task in compiled} & {"plan", "prepare", "part"}
    assert len(roles) in (0, 3), "a fan-out's tasks are all there, those in loops too"


def _drop(part: str, *path: str) -> Callable[[dict[str, Any]], None]:
    def change(task: dict[str, Any]) -> None:
        inner: Any = task[part]
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]

    return change


def _put(value: Any, part: str, *path: str) -> Callable[[dict[str, Any]], None]:
    def change(task: dict[str, Any]) -> None:
        inner: Any = task[part]
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value

    return change


WEAKENED = {
    "no context": _drop("platform", "securityContext"),
    "non-root: removed": _drop("platform", "securityContext", "runAsNonRoot"),
    "non-root: false": _put(False, "platform", "securityContext", "runAsNonRoot"),
    "user: removed": _drop("platform", "securityContext", "runAsUser"),
    "user: root": _put("0", "platform", "securityContext", "runAsUser"),
    "group: root": _put("0", "platform", "securityContext", "runAsGroup"),
    "image: a tag": _put("tamis-train:latest", "container", "image"),
    "pull policy: removed": _drop("platform", "imagePullPolicy"),
    "no resources": _drop("container", "resources"),
    "no CPU limit": _drop("container", "resources", "resourceCpuLimit"),
    "no CPU request": _drop("container", "resources", "resourceCpuRequest"),
    "no memory limit": _drop("container", "resources", "resourceMemoryLimit"),
    "no memory request": _drop("container", "resources", "resourceMemoryRequest"),
    "request over limit": _put("999", "container", "resources", "resourceCpuRequest"),
    "no scratch": _drop("platform", "emptyDirMounts"),
    "home elsewhere": _put([], "container", "env"),
    "no deadline": _drop("platform", "activeDeadlineSeconds"),
    "no retries": _put({}, "retry", "maxRetryCount"),
    "no wait": _drop("retry", "backoffDuration"),
    "secret in plain text": _put(
        [{"name": "HOME", "value": "/tmp"}, {"name": "A_PASSWORD", "value": "x"}],
        *("container", "env"),
    ),
}


@pytest.mark.parametrize("name", WEAKENED)
def test_each_weakened_task_is_noticed(compiled: list[Task], name: str) -> None:
    for task in compiled:
        fields = copy.deepcopy(dataclasses.asdict(task))
        WEAKENED[name](fields)
        assert findings(Task(**fields)), task.name


def test_only_the_deploy_task_may_act_on_the_cluster(compiled: list[Task]) -> None:
    deployer = [{"secretName": "tamis-deployer", "mountPath": "/x"}]
    for task in compiled:
        mounted = dataclasses.replace(task, platform={**task.platform, "secretAsVolume": deployer})
        assert bool(findings(mounted)) == (task.name != "deploy")


@pytest.mark.parametrize("overlay", ["overlays/local", "overlays/production"])
def test_the_namespace_says_what_kfp_cannot(overlay: str) -> None:
    ranges = [
        item
        for item in render(overlay)
        if item["kind"] == "LimitRange" and item["metadata"]["namespace"] == "kubeflow"
    ]
    assert len(ranges) == 1
    (limits,) = ranges[0]["spec"]["limits"]
    for resource in SAID_BY_THE_NAMESPACE:
        assert limits["default"][resource]
        assert limits["defaultRequest"][resource]


def test_kfp_still_has_no_words_for_the_rest() -> None:
    """When it has, the pipeline should use them, and the policy ask for them."""
    from kfp.kubernetes import kubernetes_executor_config_pb2 as platform

    known = set(platform.SecurityContext.DESCRIPTOR.fields_by_name)
    assert known == {"run_as_user", "run_as_group", "run_as_non_root"}


def test_the_run_file_is_no_secret(compiled: list[Task], tmp_path: Path) -> None:
    """Whatever is written into a pipeline can be read in KFP's UI by whoever may see a run."""
    for task in compiled:
        assert "valueFrom" not in str(task.container.get("env"))
