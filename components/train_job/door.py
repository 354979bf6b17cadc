"""Training on several nodes: a Kubeflow component's call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.cluster.objects import CustomObjects, connect, own_namespace
from components.contract.dataset import KIND as DATASET
from components.contract.exits import exit_on_error
from components.contract.provenance import require_digest
from components.contract.settings import build
from components.contract.tokens import KIND as TOKENS
from components.train_job.job import API_VERSION, GROUP, PLURAL
from components.train_job.launch import launch
from components.train_job.settings import TrainJobSettings


def run(
    dataset: Any,
    tokens: Any,
    settings: dict[str, Any],
    job: dict[str, Any],
    bundle: Any,
    metrics: Any,
    *,
    dataset_digest: str,
    tokens_digest: str,
) -> str:
    """Train on several nodes and report as the train stage does.

    Args:
        dataset: Input artifact, a published dataset.
        tokens: Input artifact, that dataset's published tokens.
        settings: The architecture's section of the parameters.
        job: What `TrainJobSettings` says.
        bundle: Output artifact.
        metrics: Output artifact for the validation metrics and the cost.
        dataset_digest: What ingest returned.
        tokens_digest: What tokenize returned.

    Returns:
        The bundle's digest.

    Raises:
        SystemExit: With the error's exit status, its sentence being the log's last line.
    """
    with exit_on_error():
        require_digest(Path(dataset.path), DATASET, dataset_digest)
        require_digest(Path(tokens.path), TOKENS, tokens_digest)
        chosen = build(TrainJobSettings, job, "job")
        api = CustomObjects(connect(), own_namespace(), GROUP, API_VERSION, PLURAL)
        paths = (Path(dataset.path), Path(tokens.path), Path(bundle.path))
        manifest = launch(*paths, settings, chosen, api)
    validation = manifest.facts["validation"]
    metrics.log_metric("validation_accuracy", validation["accuracy"])
    metrics.log_metric("validation_log_loss", validation["log_loss"])
    metrics.log_metric("cpu_s", manifest.measured["cpu_s"])
    bundle.metadata.update(
        architecture=manifest.facts["architecture"],
        labels=manifest.facts["labels"],
        digest=manifest.digest,
        data_digest=manifest.facts["data_digest"],
    )
    return manifest.digest
