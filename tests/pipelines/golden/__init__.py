"""The compiled pipelines as they are expected."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from pipelines.cluster import compile_pipeline
from pipelines.parameters import load

FOLDER = Path(__file__).parent
GOLDEN = {1: FOLDER / "training.yaml", 4: FOLDER / "training-4-shards.yaml"}
"""By `cluster.shards`."""


def write(shards: int, file: Path) -> None:
    """Compile the golden files' parameters."""
    parameters = load(FOLDER / "params.yaml")
    cluster = dataclasses.replace(parameters.cluster, shards=shards)
    compile_pipeline(dataclasses.replace(parameters, cluster=cluster), file)
