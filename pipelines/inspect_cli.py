"""`tamis inspect --data …`: what is there, before anything is trained."""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

PARAMS = Path("params.yaml")


def register(app: typer.Typer) -> None:
    """Add the command to `tamis`.

    Args:
        app: The command line.
    """
    app.command()(inspect)


def inspect(
    data: Annotated[
        str | None, typer.Option("--data", help="As `tamis run` takes it; else the file's source.")
    ] = None,
    text_column: Annotated[
        str | None, typer.Option("--text-column", help="The text's column.")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option("--label-column", help="The label's column.")
    ] = None,
    split_column: Annotated[
        str, typer.Option("--split-column", help="A column that says train or test.")
    ] = "",
    params: Annotated[Path, typer.Option("--params", help="The parameter file.")] = PARAMS,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", help="A .png, .html or .yaml (suggested parameters) to write."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a stack.")] = False,
) -> None:
    """Show labels, lengths, duplicates, languages and leaks of data, and suggest parameters."""
    from components.ingest.settings import ingest_settings
    from components.ingest.sources import open_source
    from components.inspect import report
    from components.inspect.advice import advise
    from components.inspect.survey import survey
    from pipelines.parameters import name_of

    outputs = output or []
    report.check_outputs(outputs)
    document = _document(params, data, text_column, label_column, split_column)
    settings = dataclasses.replace(ingest_settings(document), feedback=None)
    with tempfile.TemporaryDirectory(prefix="tamis-inspect-") as scratch:
        found = survey(open_source(settings.source), settings, Path(scratch), split_column)
    advice = advise(found, settings, name_of(settings.source.uri))
    for file in outputs:
        report.write(file, found, advice)
    if as_json:
        text = json.dumps(report.document(found, advice), ensure_ascii=False)
        sys.stdout.write(text + "\n")
        return
    if sys.stdout.isatty():
        _show(found, advice)
    else:
        _print(found, advice)
    for file in outputs:
        sys.stdout.write(f"Written: {file}\n")


def _document(
    params: Path,
    data: str | None,
    text_column: str | None,
    label_column: str | None,
    split_column: str,
) -> Mapping[str, Any]:
    """The sections that say what is read; without a file, and with `--data`, defaults."""
    from components.contract.settings import read_params

    document: Mapping[str, Any] = {}
    if data is None or params != PARAMS or params.exists():
        document = read_params(params)
    source = {} if data else dict(document.get("source") or {})
    changes = {"uri": data, "text_column": text_column, "label_column": label_column}
    source.update({key: value for key, value in changes.items() if value})
    if split_column:
        source["slices"] = list(dict.fromkeys([*(source.get("slices") or ()), split_column]))
    return {"source": source, "ingest": document.get("ingest")}


def _print(survey: Any, advice: Any) -> None:
    """Lines of name and value, for pipes and logs."""
    from components.inspect.report import label_rows, told

    for name, sentence in told(survey):
        sys.stdout.write(f"{name}: {sentence}\n")
    for label, rows, *splits in label_rows(survey):
        sys.stdout.write(f"label {label}: {rows:,} ({' / '.join(f'{n:,}' for n in splits)})\n")
    sys.stdout.write(f"\n{advice.text()}")


def _show(survey: Any, advice: Any) -> None:
    """Tables in colour, for a terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.syntax import Syntax
    from rich.table import Table

    from components.contract.dataset import SPLITS
    from components.inspect.report import label_rows, told

    console = Console(file=sys.stdout)
    summary = Table(title=escape(survey.uri), show_header=False)
    summary.add_column(style="bold")
    summary.add_column()
    for name, sentence in told(survey):
        summary.add_row(escape(name), escape(sentence))
    console.print(summary)
    labels = Table(title="Labels")
    labels.add_column("label")
    for heading in ("rows", "share", *SPLITS):
        labels.add_column(heading, justify="right")
    for label, rows, *splits in label_rows(survey):
        share = f"{rows / max(survey.rows, 1):.1%}"
        labels.add_row(escape(label), f"{rows:,}", share, *(f"{n:,}" for n in splits))
    console.print(labels)
    console.print("Suggested parameters (--output params.yaml writes them):")
    console.print(Syntax(advice.text(), "yaml", background_color="default"))
