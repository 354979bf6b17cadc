"""Starts the pipeline on a cluster, and follows it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components.contract.errors import TamisError
from pipelines.cluster import compile_pipeline, version_name
from pipelines.kfp_api import KfpApi
from pipelines.parameters import Parameters
from pipelines.training import NAME

ENDED = {"SUCCEEDED", "SKIPPED", "FAILED", "CANCELED"}
POLL_S = 5.0
MISSED = 12
"""Polls in a row that may fail, a minute: an API server that restarts hasn't lost the run."""

StageChange = Callable[[str, str], None]
"""Called with a stage's name and its new state."""


@dataclass(frozen=True)
class Version:
    """A pipeline that the server knows.

    Attributes:
        pipeline_id: The pipeline.
        version_id: The version.
        stages: The names of its tasks.
        inputs: Its own inputs and their default values.
    """

    pipeline_id: str
    version_id: str
    stages: tuple[str, ...]
    inputs: Mapping[str, Any]


def upload(api: KfpApi, parameters: Parameters) -> Version:
    """Compile the pipeline and give it to the server, unless it has the same already.

    Args:
        api: The server.
        parameters: What the pipeline runs.

    Returns:
        The version.
    """
    with tempfile.TemporaryDirectory(prefix="tamis-") as scratch:
        file = Path(scratch) / f"{NAME}.yaml"
        compile_pipeline(parameters, file)
        content = file.read_bytes()
        root = next(yaml.safe_load_all(content))["root"]
        pipeline_id, version_id = api.version(NAME, version_name(content), file)
    inputs = root.get("inputDefinitions", {}).get("parameters", {})
    return Version(
        pipeline_id,
        version_id,
        tuple(root["dag"]["tasks"]),
        {name: spec.get("defaultValue") for name, spec in inputs.items()},
    )


def start(
    api: KfpApi, version: Version, experiment: str, name: str, service_account: str = ""
) -> str:
    """Start a run.

    Args:
        api: The server.
        version: What to run.
        experiment: The experiment's name.
        name: The run's name.
        service_account: What its pods run as; empty for the installation's own.

    Returns:
        The run's id.
    """
    run = api.model(
        "V2beta1Run",
        display_name=name,
        experiment_id=api.experiment(experiment),
        pipeline_version_reference=reference(api, version),
        runtime_config=api.model("V2beta1RuntimeConfig", parameters=dict(version.inputs)),
        service_account=service_account or None,
    )
    return str(api.call(api.runs.run_service_create_run, run).run_id)


def reference(api: KfpApi, version: Version) -> Any:
    """A version as runs refer to it."""
    return api.model(
        "V2beta1PipelineVersionReference",
        pipeline_id=version.pipeline_id,
        pipeline_version_id=version.version_id,
    )


def run_url(api: KfpApi, run_id: str) -> str:
    """The run's page."""
    return f"{api.host}/#/runs/details/{run_id}"


def follow(
    api: KfpApi,
    run_id: str,
    stages: tuple[str, ...],
    on_change: StageChange,
    poll_s: float = POLL_S,
) -> None:
    """Wait for a run's end.

    Args:
        api: The server.
        run_id: The run.
        stages: Names of its tasks; drivers and the like, which the server lists too, are left out.
        on_change: Told of each stage's new state.
        poll_s: Seconds between looks.

    Raises:
        TamisError: `run_failed` naming the failing stages, `run_canceled`, and what the server
            answers once it has gone on for a minute.
    """
    seen: dict[str, str] = {}
    missed = 0
    while True:
        try:
            run = api.call(api.runs.run_service_get_run, run_id)
            missed = 0
        except TamisError as error:
            missed += 1
            if missed >= MISSED or error.code not in ("unreachable", "refused"):
                raise
            time.sleep(poll_s)
            continue
        tasks = {
            task.display_name: task
            for task in (run.run_details and run.run_details.task_details) or []
            if task.display_name in stages
        }
        for name in stages:
            state = str(tasks[name].state) if name in tasks else ""
            if state and seen.get(name) != state:
                seen[name] = state
                on_change(name, state)
        if run.state in ENDED:
            _raise_unless_succeeded(run, tasks, run_url(api, run_id))
            return
        time.sleep(poll_s)


def _raise_unless_succeeded(run: Any, tasks: Mapping[str, Any], url: str) -> None:
    if run.state in ("SUCCEEDED", "SKIPPED"):
        return
    if run.state == "CANCELED":
        raise TamisError("run_canceled", "The run was canceled.", url)
    failed = [name for name, task in tasks.items() if task.state == "FAILED"]
    told = [_reason(task.error) for name, task in tasks.items() if name in failed]
    reason = next((text for text in told if text), "") or _reason(run.error)
    named = ", ".join(failed) or "A stage that the server doesn't name"
    raise TamisError(
        "run_failed", f"{named} failed{f': {reason}' if reason else ''}.", f"See {url}"
    )


def _reason(error: Any) -> str:
    text = " ".join(str((error and error.message) or "").split())
    return text[:300].rstrip(".")
