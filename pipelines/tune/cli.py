"""`tamis tune`: better settings of one architecture, under a time budget."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from components.contract.errors import InputError

if TYPE_CHECKING:
    from pipelines.tune.process import Outcome
    from pipelines.tune.run import Found

_BUDGET = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)([smh]?)")
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def register(app: typer.Typer) -> None:
    """Add the command to `tamis`.

    Args:
        app: The command line.
    """
    app.command()(tune)


def tune(
    architecture: Annotated[str, typer.Option("--architecture", help="Which one, e.g. logistic.")],
    budget: Annotated[str, typer.Option("--budget", help="Time: 90s, 10m, 2h.")] = "10m",
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, help="Most trials; else time decides.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Put the best settings into the parameter file.")
    ] = False,
    data: Annotated[
        str | None, typer.Option("--data", help="As `tamis run` takes it; else the file's source.")
    ] = None,
    text_column: Annotated[
        str | None, typer.Option("--text-column", help="The text's column.")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option("--label-column", help="The label's column.")
    ] = None,
    params: Annotated[Path, typer.Option("--params", help="The parameter file.")] = Path(
        "params.yaml"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a stack.")] = False,
) -> None:
    """Search an architecture's settings on the validation rows; go on where it was stopped."""
    from components.tune.space import require_optuna
    from pipelines import parameters

    seconds = seconds_of(budget)
    chosen = parameters.load(params, data, text_column, label_column, [architecture])
    require_optuna()
    from pipelines.tune.edit import write_settings
    from pipelines.tune.run import document
    from pipelines.tune.run import tune as search

    metric = str(chosen.register["metric"])

    def told(number: int, changes: Mapping[str, Any], outcome: Outcome) -> None:
        line = _line(number, changes, outcome, metric)
        (sys.stderr if as_json else sys.stdout).write(f"{line}\n")
        sys.stdout.flush()

    found = search(chosen, architecture, seconds, trials, told)
    written = bool(write and found.best.changes)
    if written:
        write_settings(params, architecture, found.best.changes)
    if as_json:
        sys.stdout.write(json.dumps({**document(found), "written": written}) + "\n")
        return
    for line in _lines(found, architecture, params, write):
        sys.stdout.write(f"{line}\n")


def seconds_of(budget: str) -> float:
    """A budget's seconds.

    Args:
        budget: A number with `s`, `m` or `h`.

    Returns:
        Seconds.

    Raises:
        InputError: `bad_budget`.
    """
    match = _BUDGET.fullmatch(budget.strip())
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if seconds <= 0:
        raise InputError("bad_budget", f"{budget!r} is no time.", "Say 90s, 10m or 2h.")
    return seconds


def _line(number: int, changes: Mapping[str, Any], outcome: Outcome, metric: str) -> str:
    from components.tune.choose import told

    score = outcome.scores.get(metric)
    result = outcome.state if score is None else f"{metric} {score:.4f}"
    reason = f" ({outcome.reason})" if outcome.reason else ""
    return f"trial {number}: {result}{reason}, {outcome.seconds:.1f} s: {told(changes)}"


def _lines(found: Found, architecture: str, params: Path, write: bool) -> list[str]:
    from components.tune.choose import told

    counts = ", ".join(f"{number} {name}" for name, number in found.counts.items())
    lines = [f"Trials: {counts}. Study: {found.folder}"]
    if found.current is not None:
        lines.append(f"Current settings: {found.metric} {found.current.scores[found.metric]:.4f}")
    best = f"{found.metric} {found.best.scores[found.metric]:.4f}"
    if not found.best.changes:
        return [*lines, "Nothing better was found; the parameter file is as it was."]
    lines.append(f"Best: {best}: {told(found.best.changes)}")
    where = f"architectures.{architecture} of {params}"
    lines.append(f"Written to {where}." if write else f"--write puts them into {where}.")
    return lines
