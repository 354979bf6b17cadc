"""The objects of Kubeflow Trainer v2 (trainer.kubeflow.org/v1alpha1).

What a TrainJob may change of its pods differs between Trainer's releases (`podTemplateOverrides`,
then `runtimePatches`), so volumes and hardening are said in the TrainingRuntime, and the TrainJob
keeps to fields that all of them know.
https://github.com/kubeflow/trainer/blob/master/pkg/apis/trainer/v1alpha1/trainjob_types.go
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.train_job.settings import TrainJobSettings

GROUP, API_VERSION, PLURAL = "trainer.kubeflow.org", "v1alpha1", "trainjobs"
STEP = "trainer.kubeflow.org/trainjob-ancestor-step"
NODE = "node"
USER = 10_001
SHM = "1Gi"
"""What NCCL and data loaders share between a node's processes."""


def train_job(name: str, work: str, settings: TrainJobSettings) -> dict[str, Any]:
    """A TrainJob: the train stage's own command under torchrun, on every node.

    Trainer tells torchrun the rendezvous by `PET_*` variables. Every process opens the same shared
    folders; gradients are averaged, the first process publishes.

    Args:
        name: The TrainJob's name.
        work: The shared folder with `dataset`, `tokens` and `params.yaml`; `bundle` appears there.
        settings: How many nodes, of what kind.

    Returns:
        The object.
    """
    resources = {"cpu": settings.cpu, "memory": settings.memory}
    if settings.accelerators:
        resources[settings.accelerator] = str(settings.accelerators)
    trainer: dict[str, Any] = {
        "image": settings.image,
        "command": ["torchrun"],
        "args": [
            *("-m", f"components.train_{settings.architecture}"),
            *("--params", f"{work}/params.yaml"),
            *("--dataset", f"{work}/dataset", "--tokens", f"{work}/tokens"),
            *("--out", f"{work}/bundle"),
        ],
        "env": [
            {"name": key, "value": value}
            for key, value in sorted(
                {
                    "HOME": "/tmp",  # noqa: S108 - a volume of the runtime
                    "TAMIS_CHECKPOINTS": f"{settings.shared}/checkpoints",
                    **settings.variables,
                }.items()
            )
        ],
        "numNodes": settings.nodes,
        "resourcesPerNode": {"requests": resources, "limits": resources},
    }
    if settings.processes:
        trainer["numProcPerNode"] = settings.processes
    return {
        "apiVersion": f"{GROUP}/{API_VERSION}",
        "kind": "TrainJob",
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/part-of": "tamis", "app.kubernetes.io/name": name},
        },
        "spec": {
            "runtimeRef": {"apiGroup": GROUP, "kind": "TrainingRuntime", "name": settings.runtime},
            "trainer": trainer,
        },
    }


def training_runtime(name: str, image: str, claim: str, shared: str) -> dict[str, Any]:
    """The TrainingRuntime that such TrainJobs name: torch, hardened, with the shared volume.

    Args:
        name: Its name.
        image: The training image; a TrainJob gives its own.
        claim: The ReadWriteMany volume claim.
        shared: Where the claim is mounted.

    Returns:
        The object, for `manifests/`.
    """
    container = {
        "name": NODE,
        "image": image,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "resources": {
            "requests": {"cpu": "2", "memory": "4Gi", "ephemeral-storage": "1Gi"},
            "limits": {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "8Gi"},
        },
        "volumeMounts": [
            {"name": "state", "mountPath": shared},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108
        ],
    }
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {"name": "state", "persistentVolumeClaim": {"claimName": claim}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "8Gi"}},
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": SHM}},
        ],
    }
    return {
        "apiVersion": f"{GROUP}/{API_VERSION}",
        "kind": "TrainingRuntime",
        "metadata": {"name": name},
        "spec": {
            "mlPolicy": {"numNodes": 1, "torch": {}},
            "template": {
                "spec": {
                    "replicatedJobs": [
                        {
                            "name": NODE,
                            "template": {
                                "metadata": {"labels": {STEP: "trainer"}},
                                "spec": {"template": {"spec": pod}},
                            },
                        }
                    ]
                }
            },
        },
    }


def condition(job: Mapping[str, Any]) -> tuple[str, str]:
    """How a TrainJob ended.

    Args:
        job: The object.

    Returns:
        `Complete` or `Failed` and the controller's message; two empty texts while it runs.
    """
    for said in (job.get("status") or {}).get("conditions") or []:
        if said.get("type") in ("Complete", "Failed") and said.get("status") == "True":
            return str(said["type"]), str(said.get("message") or said.get("reason") or "")
    return "", ""
