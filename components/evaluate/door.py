"""The evaluate stage's doors: a Kubeflow component's call and a command line."""

from __future__ import annotations

import argparse
import csv
import json
import shutil
from pathlib import Path
from typing import Any

from components.contract.artifact import replace_json
from components.contract.bundle import KIND as BUNDLE
from components.contract.dataset import KIND as DATASET
from components.contract.exits import exit_on_error
from components.contract.provenance import require_digest
from components.contract.settings import build, read_params
from components.evaluate.evaluate import evaluate
from components.evaluate.publication import METRICS_FILE, REPORT_FILE
from components.evaluate.settings import EvaluateSettings

HEADLINE = ("accuracy", "macro_f1", "micro_f1", "ece", "log_loss", "rows")


def run(
    dataset: Any,
    bundle: Any,
    settings: dict[str, Any],
    evaluation: Any,
    metrics: Any,
    classification: Any,
    report: Any,
    *,
    dataset_digest: str,
    bundle_digest: str,
) -> str:
    """Evaluate on Kubeflow artifacts.

    Args:
        dataset: Input artifact, a published dataset.
        bundle: Input artifact, a published bundle.
        settings: The parameters' section `evaluate`.
        evaluation: Output artifact.
        metrics: Output artifact for the headline numbers.
        classification: Output artifact for the confusion matrix and the ROC curve.
        report: Output artifact, the HTML page.
        dataset_digest: What ingest returned.
        bundle_digest: What training returned.

    Returns:
        The evaluation's digest.

    Raises:
        SystemExit: With the error's exit status, its sentence being the log's last line.
    """
    with exit_on_error():
        require_digest(Path(dataset.path), DATASET, dataset_digest)
        require_digest(Path(bundle.path), BUNDLE, bundle_digest)
        chosen = build(EvaluateSettings, settings, "evaluate")
        manifest = evaluate(Path(dataset.path), Path(bundle.path), Path(evaluation.path), chosen)
    published = Path(evaluation.path)
    numbers = json.loads((published / METRICS_FILE).read_text(encoding="utf-8"))
    for name in HEADLINE:
        metrics.log_metric(name, numbers[name])
    if numbers["confusion"]:
        classification.log_confusion_matrix(numbers["labels"], numbers["confusion"])
    curve = _first_curve(published / "roc.csv")
    if curve:
        classification.log_roc_curve(*curve)
    Path(report.path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(published / REPORT_FILE, report.path)
    facts = manifest.facts
    evaluation.metadata.update(
        digest=manifest.digest,
        architecture=facts["architecture"],
        bundle_digest=facts["bundle_digest"],
        data_digest=facts["data_digest"],
    )
    return manifest.digest


def main(argv: list[str] | None = None) -> None:
    """Run `python -m components.evaluate`.

    Args:
        argv: Arguments; the process's own by default.

    Raises:
        SystemExit: With the error's exit status.
    """
    parser = argparse.ArgumentParser(prog="components.evaluate")
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--metrics", type=Path, help="a small JSON file for DVC to compare")
    arguments = parser.parse_args(argv)
    with exit_on_error():
        settings = build(
            EvaluateSettings, read_params(arguments.params).get("evaluate"), "evaluate"
        )
        evaluate(arguments.dataset, arguments.bundle, arguments.out, settings)
    if arguments.metrics:
        numbers = json.loads((arguments.out / METRICS_FILE).read_text(encoding="utf-8"))
        arguments.metrics.parent.mkdir(parents=True, exist_ok=True)
        replace_json(arguments.metrics, {name: numbers[name] for name in HEADLINE})


def _first_curve(path: Path) -> tuple[list[float], list[float], list[float]] | None:
    """Rates and thresholds of the first curve: two labels' only one, more labels' average."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    points = [row for row in rows if row["label"] == rows[0]["label"]]
    if not points:
        return None
    fpr, tpr, thresholds = (
        [float(point[name]) for point in points] for name in ("fpr", "tpr", "threshold")
    )
    return fpr, tpr, thresholds
