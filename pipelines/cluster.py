"""Pipelines for a cluster: compiled to KFP's intermediate representation, or as its objects."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from components.contract.artifact import storage_error
from pipelines import drift_check, training
from pipelines.drift_check import drift_check_pipeline
from pipelines.parameters import Parameters
from pipelines.training import training_pipeline
from pipelines.tune import graph as tune
from pipelines.tune.graph import tune_pipeline

PIPELINES = {
    training.NAME: training_pipeline,
    drift_check.NAME: drift_check_pipeline,
    tune.NAME: tune_pipeline,
}


def compile_pipeline(
    parameters: Parameters,
    output: Path,
    manifest: bool = False,
    namespace: str = "",
    name: str = training.NAME,
) -> None:
    """Compile a pipeline, replacing the file at once or not at all.

    Args:
        parameters: What the pipeline runs, and what the cluster gives it.
        output: The YAML file.
        manifest: Write `Pipeline` and `PipelineVersion` objects of the Kubernetes API
            (pipelines.kubeflow.org/v2beta1, KFP 2.14 with its Kubernetes-native store), for GitOps.
        namespace: Those objects' namespace; empty leaves it to whoever applies them.
        name: Which of `PIPELINES`.

    Raises:
        TamisError: When the file system refuses.
    """
    from kfp import compiler

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".compile-") as scratch:
            partial = Path(scratch) / "pipeline.yaml"
            pipeline = PIPELINES[name](parameters, parameters.cluster)
            compiler.Compiler().compile(pipeline, str(partial))
            if manifest:
                options = compiler.KubernetesManifestOptions(
                    pipeline_name=name,
                    pipeline_version_name=version_name(partial.read_bytes(), name),
                    namespace=namespace or None,
                    include_pipeline_manifest=True,
                )
                compiler.Compiler().compile(
                    pipeline,
                    str(partial),
                    kubernetes_manifest_format=True,
                    kubernetes_manifest_options=options,
                )
            os.replace(partial, output)  # noqa: PTH105 - atomic on one file system
    except OSError as error:
        raise storage_error(error, output) from error


def version_name(compiled: bytes, name: str = training.NAME) -> str:
    """A version's name, from its content: the same pipeline is the same version."""
    return f"{name}-{hashlib.sha256(compiled).hexdigest()[:12]}"
