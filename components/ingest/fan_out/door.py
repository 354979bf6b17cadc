"""The doors of a fanned-out ingest: calls of Kubeflow components."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.contract.exits import exit_on_error
from components.contract.provenance import require_digest, require_digests
from components.ingest.door import describe
from components.ingest.fan_out import join as join_stage
from components.ingest.fan_out import part as part_stage
from components.ingest.fan_out import plan as plan_stage
from components.ingest.fan_out.plan import Plan
from components.ingest.feedback import open_feedback
from components.ingest.settings import ingest_settings
from components.ingest.sources import open_source


def run_plan(
    uri: str,
    text_column: str,
    label_column: str,
    source: dict[str, Any],
    settings: dict[str, Any],
    parts: int,
    plan: Any,
) -> str:
    """Deal the source out to parts.

    Args:
        uri: The data's address, an input of the pipeline.
        text_column: The text's column, likewise.
        label_column: The label's column, likewise.
        source: The rest of the parameters' `source` section.
        settings: The parameters' `ingest` section.
        parts: How many parts; Kubeflow may say 3.0.
        plan: Output artifact.

    Returns:
        The plan's digest, which knows the files' content.
    """
    with exit_on_error():
        origin = {**source, "uri": uri, "text_column": text_column, "label_column": label_column}
        chosen = ingest_settings({"source": origin, "ingest": settings})
        files, feedback = open_source(chosen.source), open_feedback(chosen)
        manifest = plan_stage.plan(files, feedback, Path(plan.path), chosen, int(parts))
    plan.metadata.update(files=len(manifest.facts["files"]), parts=parts, digest=manifest.digest)
    return manifest.digest


def run_part(plan: Any, part: int, rows: Any, *, plan_digest: str) -> str:
    """Screen a part's rows.

    Args:
        plan: Input artifact.
        part: Which part, from 0.
        rows: Output artifact.
        plan_digest: What the plan's task returned.

    Returns:
        The digest of the part's rows.
    """
    with exit_on_error():
        require_digest(Path(plan.path), plan_stage.KIND, plan_digest)
        opened = Plan.open(Path(plan.path))
        source, feedback = open_source(opened.settings.source), open_feedback(opened.settings)
        manifest = part_stage.screen(opened, int(part), source, feedback, Path(rows.path))
    rows.metadata.update(part=part, rows_in=manifest.facts["rows_in"], digest=manifest.digest)
    return manifest.digest


def run_join(
    plan: Any,
    parts: Sequence[Any],
    dataset: Any,
    *,
    plan_digest: str,
    parts_digests: Sequence[str],
) -> str:
    """Publish the dataset of which the parts hold the rows.

    Args:
        plan: Input artifact.
        parts: Input artifacts, in whichever order.
        dataset: Output artifact.
        plan_digest: What the plan's task returned.
        parts_digests: What the parts' tasks returned, in whichever order.

    Returns:
        The dataset's digest.
    """
    with exit_on_error():
        require_digest(Path(plan.path), plan_stage.KIND, plan_digest)
        paths = tuple(Path(part.path) for part in parts)
        require_digests(paths, part_stage.KIND, parts_digests)
        opened = Plan.open(Path(plan.path))
        manifest = join_stage.join(
            opened, paths, open_feedback(opened.settings), Path(dataset.path)
        )
    describe(dataset, manifest)
    return manifest.digest
