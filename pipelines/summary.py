"""What a run came to: `summary.json`, read from what its stages published."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from components.contract.artifact import read_manifest
from components.contract.bundle import KIND as BUNDLE


def summarise(run: Path, architectures: Iterable[str], cached: Iterable[str]) -> dict[str, Any]:
    """Collect a run's figures.

    Args:
        run: The folder that holds one folder a task.
        architectures: Those that were trained.
        cached: Tasks whose result came from the cache.

    Returns:
        `architectures` (name -> accuracy, macro_f1, ece, train_s, train_cpu_s, peak_rss_mb,
        texts_per_s, size_mb, model_version), `champion`, `decision`, `data_digest`,
        `git_revision`, `cached_stages`, `model_name`.
    """
    registration = read_manifest(run / "register" / "registration", "registration")
    dataset = read_manifest(run / "ingest" / "dataset", "dataset")
    facts = registration.facts
    return {
        "architectures": {
            name: _architecture(run, name, facts["versions"][name]) for name in architectures
        },
        "champion": facts["champion"],
        "challenger": facts["challenger"],
        "decision": facts["decision"],
        "model_name": facts["model_name"],
        "data_digest": dataset.digest,
        "git_revision": facts["git_revision"],
        "cached_stages": sorted(cached),
    }


def last_model(latest: Path) -> str:
    """The registered model that the newest run worked on; `tamis` before any run."""
    try:
        told = json.loads((latest / "summary.json").read_text(encoding="utf-8"))
        return str(told["model_name"])
    except (OSError, ValueError, KeyError, TypeError):
        return "tamis"


def _architecture(run: Path, name: str, version: Any) -> dict[str, Any]:
    path = run / f"train-{name}" / "bundle"
    bundle = read_manifest(path, BUNDLE)
    evaluation = read_manifest(run / f"evaluate-{name}" / "evaluation", "evaluation")
    size = sum((path / file).stat().st_size for file in bundle.files)
    return {
        "accuracy": evaluation.facts["accuracy"],
        "macro_f1": evaluation.facts["macro_f1"],
        "ece": evaluation.facts["ece"],
        "train_s": bundle.measured["wall_s"],
        "train_cpu_s": bundle.measured["cpu_s"],
        "peak_rss_mb": bundle.measured["peak_rss_mb"],
        "texts_per_s": evaluation.measured["texts_per_s"],
        "size_mb": round(size / 1e6, 1),
        "model_version": version,
    }
