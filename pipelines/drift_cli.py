"""`tamis drift FILE`: have texts changed since the model was trained?"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

RUNS = Path(".tamis") / "runs"
CHECKS = Path(".tamis") / "drift"


def register(app: typer.Typer) -> None:
    """Add the command to `tamis`.

    Args:
        app: The command line.
    """
    app.command()(drift)


def drift(
    file: Annotated[
        Path, typer.Argument(help="A journal's export (.jsonl), a .csv, or one text a line.")
    ],
    model: Annotated[
        str | None, typer.Option("--model", help="NAME@alias; the last run's champion by default.")
    ] = None,
    bundle: Annotated[Path | None, typer.Option("--bundle", help="A bundle's folder.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Where the report goes.")] = None,
    text_column: Annotated[str, typer.Option("--text-column", help="The text's column.")] = "text",
    label_column: Annotated[
        str, typer.Option("--label-column", help="The true label's column.")
    ] = "label",
    alpha: Annotated[
        float, typer.Option("--alpha", help="How often a file without drift may be called one.")
    ] = 0.01,
    as_json: Annotated[bool, typer.Option("--json", help="The whole diagnosis.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a stack.")] = False,
) -> None:
    """Look for drift in a file's texts, against the champion, and write a report."""
    from components.contract.settings import build
    from components.drift.check import DIAGNOSIS_FILE, check
    from components.drift.report import REPORT_FILE
    from components.drift.settings import CheckSettings

    settings = build(
        CheckSettings,
        {"text_column": text_column, "label_column": label_column, "alpha": alpha},
        "drift",
    )
    folder = out or CHECKS / f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    check(file, bundle or _champion(model), folder, settings)
    document = json.loads((folder / DIAGNOSIS_FILE).read_text(encoding="utf-8"))
    if as_json:
        sys.stdout.write(json.dumps(document) + "\n")
        return
    for line in _lines(document):
        typer.echo(line)
    typer.echo(f"Report: {folder / REPORT_FILE}")


def _champion(model: str | None) -> Path:
    from components.registry.champion import open_champion
    from pipelines.summary import last_model

    opened, _ = open_champion(model or f"{last_model(RUNS / 'latest')}@champion")
    return opened.path


def _lines(document: dict[str, Any]) -> list[str]:
    from components.drift.report import CAUSES

    lines = [f"{document['rows']:,} texts: {CAUSES[document['cause']]}."]
    for episode in document["episodes"]:
        over = episode["over_row"]
        moved = ", ".join(m["aspect"] for m in episode["verdict"]["aspects"] if m["alarmed"])
        lines.append(
            f"{episode['kind']} drift found after {episode['found_row']:,} rows"
            f"{'' if over is None else f', over after {over:,}'}: "
            f"size {episode['verdict']['size']:.2f} ({moved})"
        )
    estimate = document["now"]["accuracy"]
    if estimate is not None:
        lines.append(
            f"Estimated accuracy of the newest texts: {estimate['estimate']:.3f} "
            f"({estimate['lower']:.3f} to {estimate['upper']:.3f})"
        )
    return lines
