"""A fanned-out ingest run by hand, as Kubeflow runs it: the doors, with artifacts and digests."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.contract.artifact import Manifest, read_manifest
from components.ingest.fan_out import door

FanOut = Callable[..., Manifest]


def artifact(path: Path) -> SimpleNamespace:
    """What a component gets of an artifact."""
    return SimpleNamespace(path=str(path), metadata={})


def dataset_of(params: dict[str, Any], parts: int, folder: Path, seed: int = 0) -> Manifest:
    """Plan, parts in a random order, join in another one; the dataset is in `folder`/dataset."""
    plan, dataset = artifact(folder / "plan"), artifact(folder / "dataset")
    source = {"text_column": "text", "label_column": "label", **params["source"]}
    inputs = [source.pop(name) for name in ("uri", "text_column", "label_column")]
    plan_digest = door.run_plan(*inputs, source, params.get("ingest", {}), parts, plan)
    rows = [artifact(folder / f"rows{part}") for part in range(parts)]
    order = random.Random(seed).sample(range(parts), parts)
    digests = [door.run_part(plan, part, rows[part], plan_digest=plan_digest) for part in order]
    door.run_join(
        plan,
        random.Random(seed + 1).sample(rows, parts),
        dataset,
        plan_digest=plan_digest,
        parts_digests=digests,
    )
    json.dumps([plan.metadata, dataset.metadata, *(each.metadata for each in rows)])
    return read_manifest(folder / "dataset")


def single(params: dict[str, Any], out: Path) -> Manifest:
    """The same by the single-process stage's door."""
    from components.ingest.door import run

    source = {"text_column": "text", "label_column": "label", **params["source"]}
    inputs = [source.pop(name) for name in ("uri", "text_column", "label_column")]
    run(*inputs, source, params.get("ingest", {}), artifact(out))
    return read_manifest(out)


def plain(settings: Any) -> dict[str, Any]:
    """Settings as parameters."""
    return dict(json.loads(json.dumps(dataclasses.asdict(settings))))


@pytest.fixture
def messy(reviews: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Reviews with every kind of row that is rejected, spread over all of them."""
    rows = [
        *reviews,
        *reviews[:40],  # duplicates
        *((text, "1") for text, _ in reviews[60:75]),  # contradictions
        *((f" {text}<br/>", label) for text, label in reviews[90:95]),
        *[("", "0")] * 20,
        *((f"odd label {i}", f"\x01{i}") for i in range(20)),
        *(("x" * (2_000 + i), "0") for i in range(20)),
    ]
    return random.Random(7).sample(rows, len(rows))
