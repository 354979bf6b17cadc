"""The command line: `tamis run | predict`, and the commands that have files of their own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from components.contract.errors import EXIT_FAILURE, InputError, TamisError
from pipelines import (
    cluster_cli,
    drift_cli,
    explain_cli,
    inspect_cli,
    retrain_cli,
    serving_cli,
)
from pipelines.tune import cli as tune_cli

app = typer.Typer(
    name="tamis",
    help="Turn labelled text into a monitored prediction service.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
RUNS = Path(".tamis") / "runs"

Params = Annotated[Path, typer.Option("--params", help="The parameter file.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show a stack when something fails.")]
Data = Annotated[
    str | None,
    typer.Option("--data", help="A path, or package:// https:// s3:// gs:// hf:// dvc:// address."),
]
TextColumn = Annotated[str | None, typer.Option("--text-column", help="The text's column.")]
LabelColumn = Annotated[str | None, typer.Option("--label-column", help="The label's column.")]
Architectures = Annotated[
    str, typer.Option("--architectures", help="Train these alone, e.g. logistic,bert.")
]
ModelName = Annotated[
    str | None,
    typer.Option("--model-name", help="The registered model's name; of other data: its own."),
]


@app.command()
def run(
    data: Data = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    architectures: Architectures = "",
    params: Params = Path("params.yaml"),
    model_name: ModelName = None,
    output: Annotated[Path | None, typer.Option("--output", help="The run's folder.")] = None,
    debug: Debug = False,
) -> None:
    """Run the whole training pipeline here, from labelled text to a registered champion."""
    from pipelines import parameters

    console = Console(file=sys.stdout)  # kept while the pipeline's own output goes to its log
    chosen = parameters.load(
        params, data, text_column, label_column, _names(architectures), model_name
    )
    identity = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
    folder = (output or RUNS / identity).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("output_exists", f"{str(folder)!r} is there already.", "Name another.")
    from pipelines import local, report, summary  # kfp takes seconds: not before it is needed
    from pipelines.progress import RunProgress

    with RunProgress(console) as progress:
        stages = local.run(chosen, folder, progress)
    result = summary.summarise(stages, chosen.architectures, progress.cached)
    report.finish(folder, result, RUNS / "latest")
    report.show(console, result, folder)


@app.command()
def predict(
    texts: Annotated[list[str] | None, typer.Argument(help="Texts; none reads lines.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="One text a line.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="NAME@alias; the last run's champion by default.")
    ] = None,
    bundle: Annotated[Path | None, typer.Option("--bundle", help="A bundle's folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    debug: Debug = False,
) -> None:
    """Classify texts with the champion: arguments, a file or standard input, read lazily."""
    from pipelines.prediction import classify
    from pipelines.summary import last_model

    model = model or f"{last_model(RUNS / 'latest')}@champion"
    for line, text, probabilities in classify(_texts(texts, file), model, bundle):
        label, score = max(probabilities.items(), key=lambda item: item[1])
        if as_json:
            record = {"text": text, "label": label, "score": score, "probabilities": probabilities}
            sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
        else:
            sys.stdout.write(f"{label}\t{score:.4f}\t{line}\n")
        sys.stdout.flush()


cluster_cli.register(app)
serving_cli.register(app)
retrain_cli.register(app)
drift_cli.register(app)
inspect_cli.register(app)
explain_cli.register(app)
tune_cli.register(app)


def main() -> None:
    """Run the command line; an expected failure is one line and an exit status, not a stack."""
    debug = "--debug" in sys.argv
    try:
        app()
    except TamisError as error:
        if debug:
            raise
        sys.stderr.write(f"{error}\n")
        raise SystemExit(error.exit_status) from None
    except BrokenPipeError:  # the reader of a pipe has gone: not an error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(EXIT_FAILURE) from None
    except OSError as error:
        if debug:
            raise
        where = f" {error.filename!r}" if error.filename else ""
        sys.stderr.write(f"storage_failed: {error.strerror or error}{where}.\n")
        raise SystemExit(EXIT_FAILURE) from None


def _names(architectures: str) -> list[str]:
    return [name.strip() for name in architectures.split(",") if name.strip()]


def _texts(texts: list[str] | None, file: Path | None) -> Iterator[str]:
    """Texts from where the user put them, one at a time."""
    if texts and file:
        raise InputError("two_inputs", "Give texts or --file, not both.")
    if texts:
        yield from texts
        return
    if file is not None and not file.is_file():
        raise InputError("not_found", f"There is no file {str(file)!r}.")
    stream = sys.stdin if file is None else file.open(encoding="utf-8", errors="replace")
    with stream:
        for line in stream:
            if line.strip():
                yield line.rstrip("\r\n")
