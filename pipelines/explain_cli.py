"""`tamis explain "text"`: the terms that drove the decision."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from components.contract.classifier import Classifier
    from components.explain.explanation import Explanation

RUNS = Path(".tamis") / "runs"
TERMS = 15
"""Terms that a terminal shows."""


def register(app: typer.Typer) -> None:
    """Add the command to `tamis`.

    Args:
        app: The command line.
    """
    app.command()(explain)


def explain(
    text: Annotated[str | None, typer.Argument(help="The text; none reads it from input.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="NAME@alias; the last run's champion by default.")
    ] = None,
    bundle: Annotated[Path | None, typer.Option("--bundle", help="A bundle's folder.")] = None,
    label: Annotated[
        str | None, typer.Option("--label", help="Explain this label, not the predicted one.")
    ] = None,
    method: Annotated[
        str, typer.Option("--method", help="exact (logistic), occlusion, or auto.")
    ] = "auto",
    output: Annotated[Path | None, typer.Option("--output", help="An .html file to write.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, every term.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a stack.")] = False,
) -> None:
    """Show which terms spoke for the champion's decision on a text, and which against it."""
    from components.contract.limits import TEXT_CHARACTERS
    from components.explain import page
    from components.explain.explain import explain as explained

    if text is None:  # one more than is taken, to be refused; never all of an endless input
        text = sys.stdin.read(TEXT_CHARACTERS + 1)
    _check_output(output)
    found = explained(_classifier(model, bundle), text, label, method)
    if output is not None:
        page.write(output, found)
    if as_json:
        document = {"score": found.score, **dataclasses.asdict(found)}
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
        return
    _show(found)
    if output is not None:
        sys.stdout.write(f"Written: {output}\n")


def _check_output(output: Path | None) -> None:
    from components.contract.errors import InputError

    if output is None:
        return
    if output.suffix.lower() != ".html":
        raise InputError("unknown_format", f"--output must end in .html, not {str(output)!r}.")
    if not output.parent.is_dir():
        raise InputError("not_found", f"There is no folder {str(output.parent)!r}.")


def _classifier(model: str | None, bundle: Path | None) -> Classifier:
    from components.catalogue import open_classifier
    from components.registry.champion import open_champion
    from pipelines.summary import last_model

    if bundle is not None:
        return open_classifier(bundle)[1]
    return open_champion(model or f"{last_model(RUNS / 'latest')}@champion")[1]


def _show(found: Explanation) -> None:
    """The text in colour and its terms as a table, or lines for a pipe."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from components.explain.page import told

    console = Console(file=sys.stdout, highlight=False)
    heading = f"{found.label}\t{found.score:.4f}\t{found.architecture}\t{found.method}\n"
    if not console.is_terminal:
        lines = (f"{t.contribution:+.4f}\t{t.text}\t{t.occurrences}\n" for t in found.terms[:TERMS])
        sys.stdout.write(heading + "".join(lines))
        return
    console.print(Text(found.label, "bold").append(f"  {found.score:.1%}  ({found.architecture})"))
    console.print(_coloured(found))
    table = Table()
    for name, side in (("term", "left"), ("contribution", "right"), ("occurrences", "right")):
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    for term in found.terms[:TERMS]:
        style = "blue" if term.contribution > 0 else "red"
        table.add_row(
            Text(term.text), Text(f"{term.contribution:+.4f}", style), f"{term.occurrences:,}"
        )
    console.print(table)
    console.print(Text(told(found), "dim"))


def _coloured(found: Explanation) -> Any:
    """The text, its words blue for the label and red against it, the strongest in bold."""
    from rich.text import Text

    text = Text(found.text)
    most = max((abs(mark.weight) for mark in found.marks), default=0.0)
    for mark in found.marks:
        strength = abs(mark.weight) / most if most else 0.0
        if strength >= 0.1:
            weight = "bold " if strength >= 0.5 else "" if strength >= 0.25 else "dim "
            colour = "blue" if mark.weight > 0 else "red"
            text.stylize(weight + colour, mark.start, mark.end)
    return text
