"""The pipeline for a cluster: compiled to KFP's intermediate representation, or as its objects."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from components.contract.artifact import storage_error
from pipelines.parameters import Parameters
from pipelines.training import NAME, training_pipeline


def compile_pipeline(
    parameters: Parameters, output: Path, manifest: bool = False, namespace: str = ""
) -> None:
    """Compile the training pipeline, replacing the file at once or not at all.

    Args:
        parameters: What the pipeline runs, and what the cluster gives it.
        output: The YAML file.
        manifest: Write `Pipeline` and `PipelineVersion` objects of the Kubernetes API
            (pipelines.kubeflow.org/v2beta1, KFP 2.14 with its Kubernetes-native store), for GitOps.
        namespace: Those objects' namespace; empty leaves it to whoever applies them.

    Raises:
        TamisError: When the file system refuses.
    """
    from kfp import compiler

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".compile-") as scratch:
            partial = Path(scratch) / "pipeline.yaml"
            pipeline = training_pipeline(parameters, parameters.cluster)
            compiler.Compiler().compile(pipeline, str(partial))
            if manifest:
                options = compiler.KubernetesManifestOptions(
                    pipeline_name=NAME,
                    pipeline_version_name=version_name(partial.read_bytes()),
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


def version_name(compiled: bytes) -> str:
    """A version's name, from its content: the same pipeline is the same version."""
    return f"{NAME}-{hashlib.sha256(compiled).hexdigest()[:12]}"
