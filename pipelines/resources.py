"""Dresses a pipeline's tasks for a cluster.

What KFP's SDK can't say, a namespace's LimitRange (ephemeral storage) and admission policies (a
read-only root file system) have to: every path that a stage writes is a volume already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.cluster_settings import ClusterSettings, SecretVariables, TrainBert

SECURITY_CONTEXT = 16
"""The minor version of KFP 2 whose API server first knows a task's `securityContext`; older ones
refuse the pipeline ("unknown field")."""
STATE = "/var/tamis"
DEPLOYER, DEPLOYER_TOKEN = "tamis-deployer", "/var/run/secrets/tamis-deployer"
"""KFP runs every task of a run under one service account, so the tasks that act on the cluster
get the token of another one; without that secret they act as the run does."""
SMOKE_CA, SMOKE_CA_PATH = "tamis-smoke-ca", "/etc/tamis-smoke-ca"
BUNDLES = "/mnt/bundles"


def for_cluster(task: Any, name: str, cluster: ClusterSettings) -> None:
    """Give a task what the cluster's settings say of it.

    Args:
        task: A KFP task, in a pipeline under construction.
        name: The task's name, e.g. `train-bert`.
        cluster: The settings.
    """
    from kfp import kubernetes

    alone = name != "train-bert" or cluster.train_bert.nodes == 1
    own = cluster.stage(name if alone else "launch")
    task.set_container_image(cluster.image)
    task.set_cpu_request(own.cpu_request).set_cpu_limit(own.cpu_limit)
    task.set_memory_request(own.memory_request).set_memory_limit(own.memory_limit)
    if cluster.retries:
        task.set_retry(cluster.retries, cluster.backoff, cluster.backoff_factor)
    for variable, value in sorted(_variables(name, cluster).items()):
        task.set_env_variable(variable, value)
    kubernetes.set_timeout(task, cluster.timeout_s)
    kubernetes.set_image_pull_policy(task, cluster.image_pull_policy)
    if cluster.image_pull_secrets:
        kubernetes.set_image_pull_secrets(task, list(cluster.image_pull_secrets))
    kubernetes.empty_dir_mount(task, "scratch", "/tmp", size_limit=own.scratch)  # noqa: S108
    if cluster.minor >= SECURITY_CONTEXT:
        user = cluster.run_as_user
        kubernetes.set_security_context(
            task, run_as_user=user, run_as_group=user, run_as_non_root=True
        )
    for secret in _secrets_of(name, cluster.secrets):
        kubernetes.use_secret_as_env(
            task, secret.secret, dict(sorted(secret.variables.items())), optional=secret.optional
        )
    if cluster.state_claim and name.startswith("train-"):
        kubernetes.mount_pvc(task, cluster.state_claim, STATE)
    if name == "deploy":
        kubernetes.use_secret_as_volume(task, SMOKE_CA, SMOKE_CA_PATH, optional=True)
    if name == "deploy" or not alone:
        kubernetes.use_secret_as_volume(task, DEPLOYER, DEPLOYER_TOKEN, optional=True)
    if name == "train-bert" and alone:
        _accelerate(task, cluster.train_bert)


def _variables(name: str, cluster: ClusterSettings) -> dict[str, str]:
    given = {"HOME": "/tmp", "MLFLOW_TRACKING_URI": cluster.tracking_uri}  # noqa: S108
    if cluster.state_claim and name.startswith("train-"):
        given["TAMIS_CHECKPOINTS"] = f"{STATE}/checkpoints"
    return given | dict(cluster.variables)


def _secrets_of(name: str, secrets: Iterable[SecretVariables]) -> Iterable[SecretVariables]:
    kind = name.partition("-")[0]
    return (secret for secret in secrets if name in secret.stages or kind in secret.stages)


def _accelerate(task: Any, bert: TrainBert) -> None:
    from kfp import kubernetes

    if bert.gpus:
        task.set_accelerator_type(bert.accelerator).set_accelerator_limit(bert.gpus)
    for label, value in sorted(bert.node_selector.items()):
        kubernetes.add_node_selector(task, label, value)
    for toleration in bert.tolerations:
        kubernetes.add_toleration(
            task,
            key=toleration.key or None,
            operator=toleration.operator,
            value=toleration.value or None,
            effect=toleration.effect or None,
        )


def mount_bundles(task: Any, deploy: Mapping[str, Any]) -> None:
    """Give the deploy task the claim that it puts bundles on.

    Args:
        task: The task.
        deploy: The parameters' section `deploy`.
    """
    from kfp import kubernetes

    if deploy["storage"] == "pvc":
        claim = deploy["uri"].removeprefix("pvc://").partition("/")[0]
        kubernetes.mount_pvc(task, claim, BUNDLES)


def train_job_settings(cluster: ClusterSettings) -> dict[str, Any]:
    """What the stage that trains on several nodes has to know of the cluster.

    Args:
        cluster: The settings.

    Returns:
        A mapping for `TrainJobSettings`.
    """
    bert, own = cluster.train_bert, cluster.stage("train-bert")
    return {
        "architecture": "bert",
        "image": cluster.image,
        "nodes": bert.nodes,
        "processes": bert.gpus,
        "runtime": bert.runtime,
        "shared": STATE,
        "accelerator": bert.accelerator,
        "accelerators": bert.gpus,
        "cpu": own.cpu_limit,
        "memory": own.memory_limit,
        "timeout_s": cluster.timeout_s,
        "variables": dict(cluster.variables),
    }
