"""The evaluation as one HTML page: no script, no outside asset, every text escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.contract import page

TABLE_ROWS = 100
EXCERPT = 300


def write_report(
    path: Path,
    title: str,
    metrics: Mapping[str, Any],
    mistakes: Sequence[Mapping[str, Any]],
    plots: Sequence[Path],
) -> None:
    """Write the page.

    Args:
        path: HTML file to write.
        title: Its heading.
        metrics: What `metrics.json` holds.
        mistakes: `confidence`, `actual`, `predicted`, `text` of the surest errors.
        plots: PNG files to embed.
    """
    parts = [
        f"<p>{metrics['rows']:,} test rows. Intervals are 95 % bootstrap intervals.</p>",
        _cards(metrics),
        page.plots(plots),
        _classes(metrics["per_class"]),
        _slices(metrics["slices"]),
        _behaviour(metrics["behaviour"]),
        _mistakes(mistakes),
    ]
    page.write_page(path, title, parts)


def _cards(metrics: Mapping[str, Any]) -> str:
    def interval(name: str) -> str:
        low, high = metrics["intervals"][name]
        return f"{low:.3f} to {high:.3f}"

    told = [
        ("accuracy", f"{metrics['accuracy']:.3f}", interval("accuracy")),
        ("macro-F1", f"{metrics['macro_f1']:.3f}", interval("macro_f1")),
        ("calibration error", f"{metrics['ece']:.3f}", "0 is honest"),
        ("log loss", f"{metrics['log_loss']:.3f}", "nats"),
        ("validation accuracy", f"{metrics['validation']['accuracy']:.3f}", "what chose it"),
    ]
    if metrics["invalid_rows"]:
        told.append(("invalid rows", f"{metrics['invalid_rows']:,}", "probabilities not finite"))
    return page.cards(told)


def _classes(per_class: Mapping[str, Mapping[str, Any]]) -> str:
    worst = sorted(per_class.items(), key=lambda item: (item[1]["f1"], item[0]))
    rows = [
        (name, s["precision"], s["recall"], s["f1"], s["support"]) for name, s in worst[:TABLE_ROWS]
    ]
    note = f"<p>The {TABLE_ROWS} worst labels.</p>" if len(worst) > TABLE_ROWS else ""
    header = ("label", "precision", "recall", "F1", "rows")
    return "<h2>Labels</h2>" + note + page.table(header, rows)


def _slices(slices: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (f"{s['column']}: {s['value']}", s["rows"], s["accuracy"], s["macro_f1"])
        for s in slices[:TABLE_ROWS]
    ]
    return "<h2>Slices</h2>" + page.table(("slice", "rows", "accuracy", "macro-F1"), rows)


def _behaviour(behaviour: Mapping[str, Any]) -> str:
    direction, minimum = behaviour["direction"], behaviour["minimum_function"]
    rows = [
        (f"same label after: {name}", counts["tried"], counts["failed"])
        for name, counts in behaviour["invariance"].items()
    ]
    rows.append(("surer after a sure text is appended", direction["tried"], direction["failed"]))
    rows.append(("plain texts", minimum["tried"], minimum["failed"]))
    failures = [(_excerpt(f["text"]), f["expected"], f["predicted"]) for f in minimum["failures"]]
    table = page.table(("plain text that failed", "expected", "predicted"), failures)
    return (
        "<h2>Behaviour</h2>"
        + page.table(("test", "tried", "failed"), rows)
        + (table if failures else "")
    )


def _mistakes(mistakes: Sequence[Mapping[str, Any]]) -> str:
    rows = [(m["confidence"], m["actual"], m["predicted"], _excerpt(m["text"])) for m in mistakes]
    return "<h2>Surest mistakes</h2>" + page.table(
        ("confidence", "actual", "predicted", "text"), rows
    )


def _excerpt(text: str) -> str:
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"
