"""The pipeline for a cluster: compiled to KFP's intermediate representation."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from components.contract.artifact import storage_error
from pipelines.parameters import Parameters
from pipelines.training import training_pipeline


def compile_pipeline(parameters: Parameters, output: Path) -> None:
    """Compile the training pipeline, replacing the file at once or not at all.

    Args:
        parameters: What the pipeline runs.
        output: The YAML file.

    Raises:
        TamisError: When the file system refuses.
    """
    from kfp import compiler

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".compile-") as scratch:
            partial = Path(scratch) / "pipeline.yaml"
            compiler.Compiler().compile(training_pipeline(parameters), str(partial))
            os.replace(partial, output)  # noqa: PTH105 - atomic on one file system
    except OSError as error:
        raise storage_error(error, output) from error
