"""What `tamis run` leaves behind and prints when it is done."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from components.contract.artifact import replace_json, storage_error
from components.registry.champion import open_champion
from pipelines.prediction import one_line

EXAMPLES = 3
"""Held-out texts that the champion classifies at the end of a run."""


def finish(folder: Path, result: Mapping[str, Any], latest: Path) -> None:
    """Write `summary.json` and point `latest` at the run.

    Args:
        folder: The run's folder.
        result: The summary.
        latest: The symbolic link to replace, atomically.

    Raises:
        TamisError: When the file system refuses.
    """
    try:
        replace_json(folder / "summary.json", result)
        latest.parent.mkdir(parents=True, exist_ok=True)
        link = latest.with_name(f".latest.{os.getpid()}")
        link.symlink_to(os.path.relpath(folder, latest.parent))
        link.replace(latest)
    except OSError as error:
        raise storage_error(error, folder) from error


def show(console: Console, result: Mapping[str, Any], folder: Path) -> None:
    """Print the table of architectures, the gate's decision, the champion, and what to do next.

    Args:
        console: Where to print.
        result: The summary.
        folder: The run's folder.
    """
    table = Table(title="Test rows")
    table.add_column("architecture", no_wrap=True)
    for heading in ("accuracy", "macro-F1", "calibration error", "train s", "texts/s", "MB"):
        table.add_column(heading, justify="right")
    for name, row in result["architectures"].items():
        table.add_row(
            name,
            f"{row['accuracy']:.1%}",
            f"{row['macro_f1']:.1%}",
            f"{row['ece']:.3f}",
            f"{row['train_s']:.0f}",
            f"{row['texts_per_s']:,.0f}",
            f"{row['size_mb']:.1f}",
        )
    console.print(table)
    console.print(f"Gate: {escape(result['decision']['reason'])}")
    champion = result["champion"]
    if champion:
        name = f"{result['model_name']} version {champion['version']} ({champion['architecture']})"
        console.print(f"Champion: [bold]{escape(name)}[/bold]")
        _examples(console, result["model_name"])
    console.print(f"Summary: {escape(str(folder / 'summary.json'))}")
    console.print(
        "Next: tamis predict 'any text'  ·  tamis run --data your.csv --text-column … "
        "--label-column …  ·  mlflow ui --backend-store-uri sqlite:///.tamis/mlflow.db",
        soft_wrap=True,
        highlight=False,
    )


def _examples(console: Console, model: str) -> None:
    bundle, classifier = open_champion(f"{model}@champion")
    for text in itertools.islice(bundle.golden_texts(), EXAMPLES):
        row = classifier.predict_proba([text])[0]
        named = sorted(zip(row.tolist(), classifier.labels, strict=True), reverse=True)[:3]
        told = "  ".join(f"{label} {score:.2f}" for score, label in named)
        console.print(f"  {told:<32}  {one_line(text)}", markup=False, highlight=False)
