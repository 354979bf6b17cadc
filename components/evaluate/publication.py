"""An evaluation's files besides the predictions: JSON, plots, CSV for DVC, the report."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.contract.artifact import write_json
from components.evaluate.calibration_error import Reliability
from components.evaluate.metrics import Confusion
from components.evaluate.plots import plot_confusion, plot_reliability, plot_roc
from components.evaluate.report import write_report
from components.evaluate.roc import Curve

METRICS_FILE = "metrics.json"
REPORT_FILE = "report.html"


def write_files(
    directory: Path,
    title: str,
    labels: Sequence[str],
    metrics: Mapping[str, Any],
    confusion: Confusion,
    bins: Reliability,
    curves: Sequence[Curve],
    mistakes: Sequence[Mapping[str, Any]],
) -> None:
    """Write them all.

    Args:
        directory: Where to.
        title: The report's heading.
        labels: k label names.
        metrics: What `metrics.json` will hold.
        confusion: Counts of (actual, predicted) pairs.
        bins: Rows binned by confidence.
        curves: ROC curves; may be none.
        mistakes: The surest errors.
    """
    write_json(directory / METRICS_FILE, metrics)
    plots = [directory / name for name in ("confusion.png", "reliability.png", "roc.png")]
    plot_confusion(plots[0], labels, confusion)
    plot_reliability(plots[1], bins)
    plot_roc(plots[2], curves)
    cells = zip(confusion.actual, confusion.predicted, confusion.count, strict=True)
    _write_csv(
        directory / "confusion.csv",
        ("actual", "predicted", "rows"),
        ((labels[a], labels[p], n) for a, p, n in cells),
    )
    _write_csv(
        directory / "reliability.csv",
        ("confidence", "accuracy", "rows"),
        zip(_short(bins.confidence), _short(bins.accuracy), bins.rows, strict=True),
    )
    _write_csv(
        directory / "roc.csv",
        ("label", "fpr", "tpr", "threshold"),
        (
            (curve.name, *point)
            for curve in curves
            for point in zip(
                _short(curve.fpr), _short(curve.tpr), _short(curve.thresholds), strict=True
            )
        ),
    )
    write_report(directory / REPORT_FILE, title, metrics, mistakes, plots)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _short(values: Iterable[Any]) -> list[float]:
    return [round(float(value), 6) for value in values]
