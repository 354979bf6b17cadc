"""The compiled pipeline as it is expected."""

from __future__ import annotations

from pathlib import Path

from pipelines.cluster import compile_pipeline
from pipelines.parameters import load

FOLDER = Path(__file__).parent
GOLDEN = FOLDER / "training.yaml"


def write(file: Path = GOLDEN) -> None:
    """Compile the golden file's parameters."""
    compile_pipeline(load(FOLDER / "params.yaml"), file)
