"""Prometheus metrics of batch stages, written as text files for a collector to pick up."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, write_to_textfile

from components.contract.environment import environment

REGISTRY = CollectorRegistry()
STAGE_SECONDS = Gauge(
    "tamis_stage_seconds", "Wall time of the stage's last run", ["stage"], registry=REGISTRY
)
STAGE_CPU_SECONDS = Gauge(
    "tamis_stage_cpu_seconds", "CPU time of the stage's last run", ["stage"], registry=REGISTRY
)
STAGE_RUNS = Counter(
    "tamis_stage_runs_total", "Stage runs by outcome", ["stage", "outcome"], registry=REGISTRY
)


def export(stage: str) -> None:
    """Write the registry to `$TAMIS_METRICS/<stage>.prom`, if that variable is set."""
    directory = environment().metrics
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
        write_to_textfile(str(directory / f"{stage}.prom"), REGISTRY)
