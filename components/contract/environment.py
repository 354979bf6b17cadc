"""What the process's environment says, read once (Singleton by a cached builder)."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """Settings that differ between a laptop and a cluster, never between two results.

    Attributes:
        cache: Directory of the stage cache (`TAMIS_CACHE`); None turns caching off.
        checkpoints: Directory that outlives a killed training (`TAMIS_CHECKPOINTS`); None keeps
            checkpoints beside the result.
        metrics: Directory for Prometheus text files (`TAMIS_METRICS`); None for none.
        run_id: Identifies the pipeline run in logs (`TAMIS_RUN_ID`).
        tracking_uri: MLflow's address (`MLFLOW_TRACKING_URI`), SQLite under `.tamis/` by default.
        threads: CPU threads for numeric work (`TAMIS_THREADS`), the usable cores by default.
    """

    cache: Path | None
    checkpoints: Path | None
    metrics: Path | None
    run_id: str
    tracking_uri: str
    threads: int


@functools.cache
def environment() -> Environment:
    """The environment of this process, read at the first call and then kept."""
    return Environment(
        cache=_path("TAMIS_CACHE"),
        checkpoints=_path("TAMIS_CHECKPOINTS"),
        metrics=_path("TAMIS_METRICS"),
        run_id=os.environ.get("TAMIS_RUN_ID", ""),
        tracking_uri=os.environ.get("MLFLOW_TRACKING_URI") or default_tracking_uri(),
        threads=int(os.environ.get("TAMIS_THREADS") or len(os.sched_getaffinity(0))),
    )


def default_tracking_uri() -> str:
    """MLflow on a SQLite file under the working directory's `.tamis/`."""
    return f"sqlite:///{Path.cwd() / '.tamis' / 'mlflow.db'}"


def _path(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value) if value else None
