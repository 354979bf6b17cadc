"""Stages in several parts: one task before a ParallelFor, one part an iteration, one that joins.

`kfp.local` can't run `dsl.Collected` (KeyError in its orchestrator of 2.16), so a laptop's graph
has none of this. The order in which a back end collects isn't relied upon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kfp import dsl

from components.ingest.fan_out import component as ingest
from components.tokenize.fan_out import component as tokenize

Task = Callable[..., Any]
"""Makes a task of a component and a name, with the component's inputs as keywords."""


def result(name: str, task: Any) -> dict[str, Any]:
    """A task's artifact and what it returned, the artifact's digest, as another task's inputs."""
    return {name: task.outputs[name], f"{name}_digest": task.outputs["Output"]}


def ingest_in_parts(task: Task, parts: int, inputs: Mapping[str, Any]) -> Any:
    """The ingest stage in parts.

    Args:
        task: Makes a task.
        parts: How many parts, at least 2.
        inputs: The single task's inputs.

    Returns:
        The task that stands for the stage.
    """
    planned = task(ingest.plan, "ingest-plan", **inputs, parts=parts)
    planned.set_caching_options(False)  # its digest knows the content; whoever takes it is cached
    plan = result("plan", planned)
    with dsl.ParallelFor(list(range(parts))) as part:
        screened = task(ingest.part, "ingest-part", **plan, part=part)
    return task(ingest.join, "ingest", **plan, **_collected("rows", screened))


def tokenize_in_parts(
    task: Task, name: str, parts: int, dataset: Mapping[str, Any], settings: Mapping[str, Any]
) -> Any:
    """A tokenize stage in parts.

    Args:
        task: Makes a task.
        name: The stage's name, e.g. `tokenize-bpe`.
        parts: How many parts, at least 2.
        dataset: The dataset and its digest, as inputs.
        settings: The tokenizer's settings.

    Returns:
        The task that stands for the stage.
    """
    prepared = task(
        tokenize.prepare, f"{name}-prepare", **dataset, settings=dict(settings), parts=parts
    )
    tokenizer = result("tokenizer", prepared)
    with dsl.ParallelFor(list(range(parts))) as part:
        encoded = task(tokenize.part, f"{name}-part", **dataset, **tokenizer, part=part)
    return task(tokenize.join, name, **tokenizer, **_collected("shards", encoded))


def _collected(name: str, task: Any) -> dict[str, Any]:
    """What a loop's tasks made and returned, as the joining task's inputs."""
    return {
        "parts": dsl.Collected(task.outputs[name]),
        "parts_digests": dsl.Collected(task.outputs["Output"]),
    }
