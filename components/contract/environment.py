"""What the process's environment says, read once (Singleton by a cached builder)."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """Settings that differ between a laptop and a cluster, never between two results.

    Attributes:
        cache: Directory of the stage cache (`TAMIS_CACHE`); None turns caching off.
        cache_bytes: What the stage cache may take (`TAMIS_CACHE_GB`, 20 by default), in bytes.
        checkpoints: Directory that outlives a killed training (`TAMIS_CHECKPOINTS`); None keeps
            checkpoints beside the result.
        metrics: Directory for Prometheus text files (`TAMIS_METRICS`); None for none.
        looks: Whether a training that needn't look at the validation rows on its way does, for a
            search to give it up early (`TAMIS_LOOKS`).
        run_id: Identifies the pipeline run in logs (`TAMIS_RUN_ID`).
        tracking_uri: MLflow's address (`MLFLOW_TRACKING_URI`), SQLite under `.tamis/` by default.
        threads: CPU threads for numeric work (`TAMIS_THREADS`); by default the cores that the
            process may use, or a container's CPU limit where that is less.
    """

    cache: Path | None
    cache_bytes: int
    checkpoints: Path | None
    metrics: Path | None
    looks: bool
    run_id: str
    tracking_uri: str
    threads: int


@functools.cache
def environment() -> Environment:
    """The environment of this process, read at the first call and then kept."""
    return Environment(
        cache=_path("TAMIS_CACHE"),
        cache_bytes=int(float(os.environ.get("TAMIS_CACHE_GB") or 20) * 1e9),
        checkpoints=_path("TAMIS_CHECKPOINTS"),
        metrics=_path("TAMIS_METRICS"),
        looks=bool(os.environ.get("TAMIS_LOOKS")),
        run_id=os.environ.get("TAMIS_RUN_ID", ""),
        tracking_uri=os.environ.get("MLFLOW_TRACKING_URI") or default_tracking_uri(),
        threads=int(os.environ.get("TAMIS_THREADS") or usable_cores()),
    )


def default_tracking_uri() -> str:
    """MLflow on a SQLite file under the working directory's `.tamis/`."""
    return f"sqlite:///{Path.cwd() / '.tamis' / 'mlflow.db'}"


def usable_cores(
    cgroups: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")
) -> int:
    """Cores that this process may keep busy: its affinity, or its control groups' quota if less.

    Threads beyond the quota only get each other throttled: the scheduler stops the whole group
    for the rest of a period once its threads have used the quota up together.

    Args:
        cgroups: Where the control groups are mounted.
        membership: The file that says which groups the process is in.

    Returns:
        At least 1; a quota of 1.5 cores counts as 2.
    """
    cores = [float(len(os.sched_getaffinity(0))), *_quotas(cgroups, membership)]
    return max(1, math.ceil(min(cores)))


def _quotas(cgroups: Path, membership: Path) -> Iterator[float]:
    """Cores that each control group above the process grants; groups without a limit are left out.

    Version 2 (https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files) and version
    1 (https://docs.kernel.org/scheduler/sched-bwc.html). In a container the mount's root is the
    process's own group, and its path there may not exist.
    """
    for line in _read(membership).splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        roots = [cgroups / controllers, cgroups / "cpu"] if controllers else [cgroups]
        own = path.strip("/")
        groups = [Path(own), *Path(own).parents] if own else [Path()]
        for root in roots:
            for group in groups:
                yield from _quota(root / group)


def _quota(group: Path) -> Iterator[float]:
    limit = _read(group / "cpu.max").split() or [
        _read(group / "cpu.cfs_quota_us").strip(),
        _read(group / "cpu.cfs_period_us").strip(),
    ]
    if len(limit) == 2 and all(part.isdigit() for part in limit) and int(limit[1]):
        yield int(limit[0]) / int(limit[1])


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""


def _path(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value) if value else None
