"""Trains on several nodes: inputs to the shared volume, a TrainJob over them, its bundle back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.cluster.objects import CustomObjects
from components.contract import logs
from components.contract.artifact import (
    Manifest,
    publish,
    read_manifest,
    replace_json,
    storage_error,
    verify,
)
from components.contract.bundle import KIND
from components.contract.cache import cache_key
from components.contract.errors import TamisError
from components.train_job.job import condition, train_job
from components.train_job.settings import TrainJobSettings


def launch(
    dataset: Path,
    tokens: Path,
    out: Path,
    section: Mapping[str, Any],
    settings: TrainJobSettings,
    api: CustomObjects,
) -> Manifest:
    """Train an architecture on several nodes and publish its bundle.

    Idempotent: the job is named by the content of what it is made of, so a retry finds the one
    that runs already, or its bundle.

    Args:
        dataset: A published dataset.
        tokens: Its published tokens.
        out: Where the bundle is published.
        section: The architecture's parameters.
        settings: How many nodes, of what kind.
        api: TrainJobs of the namespace.

    Returns:
        The bundle's manifest.

    Raises:
        TamisError: `train_job_failed` with the controller's words, `train_job_timeout`, and what
            the Kubernetes API or the file system answers.
    """
    inputs = {"dataset": dataset, "tokens": tokens}
    identity = {name: read_manifest(path).digest for name, path in inputs.items()}
    made_of = {**identity, "settings": dict(section), "image": settings.image}
    name = f"tamis-{settings.architecture}-{cache_key('train-job', (), made_of)[:12]}"
    work = Path(settings.shared) / "jobs" / name
    if not _finished(work / "bundle"):
        try:
            for part, path in inputs.items():
                _share(path, work / part)
            # JSON is YAML.
            sections = {settings.architecture: dict(section)}
            replace_json(work / "params.yaml", {"architectures": sections})
        except OSError as error:
            raise storage_error(error, work) from error
        _run(name, work, settings, api)
    manifest = verify(work / "bundle", KIND)
    with publish(out, KIND) as draft:
        for file in manifest.files:
            target = draft.path / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(work / "bundle" / file, target)
        draft.facts.update(manifest.facts)
        draft.measured.update(manifest.measured)
    api.delete(name)
    shutil.rmtree(work, ignore_errors=True)
    return read_manifest(out, KIND)


def _run(name: str, work: Path, settings: TrainJobSettings, api: CustomObjects) -> None:
    found = api.wait_gone_if_leaving(name, settings.timeout_s)
    if found is not None and condition(found)[0] == "Failed":
        api.delete(name)
        found = api.wait_gone_if_leaving(name, settings.timeout_s)
    if found is None:
        api.create(train_job(name, str(work), settings))
    logs.event("train_job", stage=f"train-{settings.architecture}", job=name)
    ended = api.wait(name, lambda job: bool(condition(job)[0]), settings.timeout_s)
    state, message = condition(ended or {})
    if state == "Complete":
        return
    if state == "Failed":
        raise TamisError("train_job_failed", f"The TrainJob {name!r} failed: {message}.")
    raise TamisError(
        "train_job_timeout", f"The TrainJob {name!r} has not ended after {settings.timeout_s} s."
    )


def _share(source: Path, target: Path) -> None:
    """Copy a published directory to the shared volume, whole or not at all."""
    if _finished(target) and read_manifest(target).digest == read_manifest(source).digest:
        return
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, partial)
    partial.rename(target)


def _finished(path: Path) -> bool:
    try:
        return bool(json.loads((path / "manifest.json").read_bytes()))
    except (OSError, ValueError):
        return False
