"""What every task of a compiled pipeline is given."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.contract.errors import InputError
from components.contract.settings import build
from pipelines.cluster import compile_pipeline
from pipelines.cluster_settings import ClusterSettings, TrainBert
from pipelines.parameters import Parameters, load
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def parameters() -> Parameters:
    chosen = load(ROOT / "params.yaml")
    return dataclasses.replace(chosen, deploy={**chosen.deploy, "enabled": True})


def documents(
    parameters: Parameters, folder: Path, **cluster: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Task name -> its container, and its Kubernetes configuration."""
    chosen = dataclasses.replace(parameters.cluster, **cluster)
    chosen.check()
    compile_pipeline(dataclasses.replace(parameters, cluster=chosen), folder / "p.yaml")
    pipeline, platform = yaml.safe_load_all((folder / "p.yaml").read_text())
    executors = pipeline["deploymentSpec"]["executors"]
    own = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return (
        {name.removeprefix("exec-"): e["container"] for name, e in executors.items()},
        {name.removeprefix("exec-"): e for name, e in own.items()},
    )


def variables(own: dict[str, Any]) -> set[str]:
    return {key["envVar"] for secret in own.get("secretAsEnv", []) for key in secret["keyToEnv"]}


@pytest.mark.parametrize("shards", [1, 3])
def test_every_task_has_what_a_cluster_asks_for(
    parameters: Parameters, tmp_path: Path, shards: int
) -> None:
    containers, own = documents(parameters, tmp_path, image="registry/tamis:1", shards=shards)
    assert containers.keys() == own.keys()
    assert ("ingest-part" in own) == ("tokenize-bpe-part" in own) == (shards > 1)
    assert {"ingest", "train-bert", "deploy"} <= containers.keys()
    for name, container in containers.items():
        assert container["image"] == "registry/tamis:1", name
        for limit in ("resourceCpuRequest", "resourceCpuLimit", "resourceMemoryRequest",
                      "resourceMemoryLimit"):  # fmt: skip
            assert container["resources"][limit], name
        kubernetes = own[name]
        assert kubernetes["securityContext"] == {
            "runAsUser": "10001", "runAsGroup": "10001", "runAsNonRoot": True,
        }  # fmt: skip
        (scratch,) = kubernetes["emptyDirMounts"]
        assert scratch["mountPath"] == "/tmp"
        assert scratch["sizeLimit"]
        assert kubernetes["activeDeadlineSeconds"] == "86400"
        environment = {item["name"]: item["value"] for item in container["env"]}
        assert environment["MLFLOW_TRACKING_URI"] == "http://mlflow.tamis.svc.cluster.local:5000"
        assert environment["HOME"] == "/tmp"


def test_every_task_is_tried_again_later(parameters: Parameters, tmp_path: Path) -> None:
    compile_pipeline(parameters, tmp_path / "p.yaml")
    tasks = next(yaml.safe_load_all((tmp_path / "p.yaml").read_text()))["root"]["dag"]["tasks"]
    for task in tasks.values():
        policy = task["retryPolicy"]
        assert policy["maxRetryCount"] == 2
        assert policy["backoffDuration"] == "60s"
        assert policy["backoffFactor"] == 2


@pytest.mark.parametrize("shards", [1, 3])
def test_secrets_reach_only_the_stages_that_need_them(
    parameters: Parameters, tmp_path: Path, shards: int
) -> None:
    _, own = documents(parameters, tmp_path, shards=shards)
    reading = ("ingest", "ingest-plan", "ingest-part", "deploy")
    for name, kubernetes in own.items():
        given = variables(kubernetes)
        assert ("MLFLOW_TRACKING_PASSWORD" in given) == (name in ("register", "deploy")), name
        assert ("AWS_SECRET_ACCESS_KEY" in given) == (name in reading), name
        assert ("TAMIS_CLIENT_SECRET" in given) == (name == "deploy"), name
        token = [v["secretName"] for v in kubernetes.get("secretAsVolume", [])]
        expected = ["tamis-smoke-ca", "tamis-deployer"] if name == "deploy" else []
        assert token == expected, name
        assert all(secret["optional"] for secret in kubernetes.get("secretAsEnv", []))


def test_a_gpu_is_one_parameter(parameters: Parameters, tmp_path: Path) -> None:
    containers, own = documents(parameters, tmp_path, train_bert=TrainBert(gpus=1))
    accelerated = {n for n, c in containers.items() if "accelerator" in c["resources"]}
    assert accelerated == {"train-bert"}
    accelerator = containers["train-bert"]["resources"]["accelerator"]
    assert accelerator["resourceType"] == "nvidia.com/gpu"
    assert "nodeSelector" not in own["train-bert"]
    plain, _ = documents(parameters, tmp_path)
    assert "accelerator" not in plain["train-bert"]["resources"]


def test_a_claim_keeps_checkpoints_between_retries(parameters: Parameters, tmp_path: Path) -> None:
    containers, own = documents(parameters, tmp_path, state_claim="state")
    for name, kubernetes in own.items():
        mounts = [m["pvcNameParameter"]["runtimeValue"]["constant"]
                  for m in kubernetes.get("pvcMount", [])]  # fmt: skip
        assert mounts == (["state"] if name.startswith("train-") else [])
    environment = {i["name"]: i["value"] for i in containers["train-lstm"]["env"]}
    assert environment["TAMIS_CHECKPOINTS"] == "/var/tamis/checkpoints"


def test_several_nodes_train_by_a_train_job(parameters: Parameters, tmp_path: Path) -> None:
    bert = TrainBert(nodes=4, gpus=1)
    containers, own = documents(parameters, tmp_path, state_claim="state", train_bert=bert)
    assert "accelerator" not in containers["train-bert"]["resources"], "it only waits"
    assert "components.train_job" in containers["train-bert"]["command"][-1]
    assert own["train-bert"]["secretAsVolume"][0]["secretName"] == "tamis-deployer"
    tasks = next(yaml.safe_load_all((tmp_path / "p.yaml").read_text()))["root"]["dag"]["tasks"]
    job = tasks["train-bert"]["inputs"]["parameters"]["job"]["runtimeValue"]["constant"]
    assert (job["nodes"], job["accelerators"], job["shared"]) == (4, 1, "/var/tamis")
    assert tasks["evaluate-bert"]["dependentTasks"] == ["ingest", "train-bert"]


def test_an_older_back_end_gets_no_security_context(parameters: Parameters, tmp_path: Path) -> None:
    _, own = documents(parameters, tmp_path, kfp_version="2.15")
    assert not [name for name, kubernetes in own.items() if "securityContext" in kubernetes]


def test_a_sections_resources_win(parameters: Parameters, tmp_path: Path) -> None:
    own = {
        "train": {"memory_limit": "64Gi"},
        "ingest": {"cpu_limit": "8"},
        "tokenize-bpe-part": {"cpu_limit": "16"},
    }
    chosen = build(ClusterSettings, {"resources": own}, "cluster")
    containers, _ = documents(parameters, tmp_path, resources=chosen.resources, shards=2)
    assert containers["tokenize-bpe-part"]["resources"]["resourceCpuLimit"] == "16"
    assert containers["tokenize-wordpiece-part"]["resources"]["resourceCpuLimit"] == "2"
    assert containers["ingest-part"]["resources"]["resourceCpuLimit"] == "8"
    assert containers["train-lstm"]["resources"]["resourceMemoryLimit"] == "64Gi"
    assert containers["ingest"]["resources"]["resourceCpuLimit"] == "8"


@pytest.mark.parametrize(
    ("section", "word"),
    [
        ({"image": "a b"}, "image"),
        ({"kfp_version": "2.4"}, "kfp_version"),
        ({"run_as_user": 0}, "run_as_user"),
        ({"retries": -1}, "retries"),
        ({"backoff": "60"}, "backoff"),
        ({"resources": {"ingest": {"memory_limit": "4GB"}}}, "memory_limit"),
        ({"resources": {"ingest": {"cpu": "1"}}}, "cpu_limit"),
        ({"train_bert": {"nodes": 2}}, "state_claim"),
        ({"shards": 0}, "shards"),
        ({"shards": 101}, "shards"),
        ({"shards": 2, "kfp_version": "2.13"}, "shards"),
        ({"variables": {"A-B": "x"}}, "variables"),
        ({"imag": "x"}, "image"),
    ],
)
def test_mistakes_are_named(section: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError) as caught:
        build(ClusterSettings, section, "cluster")
    assert word in str(caught.value)


def test_a_stage_that_trains_with_tensorflow_has_the_image_that_holds_it(
    parameters: Parameters, tmp_path: Path
) -> None:
    architectures = {**parameters.architectures}
    architectures["lstm"] = {**architectures["lstm"], "framework": "tensorflow"}
    asked = dataclasses.replace(parameters, architectures=architectures)
    digest = f"registry/tamis-tf@sha256:{'0' * 64}"
    containers, _ = documents(asked, tmp_path, tensorflow_image=digest)
    images = {name: container["image"] for name, container in containers.items()}
    assert images.pop("train-lstm") == digest
    assert set(images.values()) == {parameters.cluster.image}


def test_an_image_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(InputError, match="tensorflow_image"):
        build(ClusterSettings, {"tensorflow_image": "a b"}, "cluster")
