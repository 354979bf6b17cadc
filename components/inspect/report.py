"""A survey as a plot, as an HTML page, and as JSON."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

from components.contract import page
from components.contract.artifact import storage_error
from components.contract.dataset import SPLITS
from components.contract.errors import InputError
from components.contract.figure import BLUE, GREY, save
from components.contract.settings import neighbours
from components.inspect.advice import Advice
from components.inspect.copies import Leak
from components.inspect.survey import Survey

BARS = 20
"""More labels can't be told apart on a plot."""
TABLE_ROWS = 200


def check_outputs(files: list[Path]) -> None:
    """Refuse files that can't be written, before the data is read.

    Args:
        files: What `write` will be given.

    Raises:
        InputError: `unknown_format`; `not_found` for a folder that isn't there.
    """
    for file in files:
        if file.suffix.lower() not in WRITERS:
            raise InputError(
                "unknown_format",
                f"{str(file)!r} doesn't end like something that can be written.",
                neighbours(file.suffix, WRITERS),
            )
        if not file.absolute().parent.is_dir():
            raise InputError("not_found", f"There is no folder {str(file.parent)!r}.")


def write(file: Path, survey: Survey, advice: Advice) -> None:
    """Write a survey in the form that the file's ending names, whole or not at all.

    Args:
        file: `.png` for the plot, `.html` for the page, `.yaml` for the suggested parameters.
        survey: What was found.
        advice: What is suggested.

    Raises:
        TamisError: `disk_full` or `not_writable` when the file system refuses.
    """
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        WRITERS[file.suffix.lower()](partial, survey, advice)
        partial.replace(file)
    except OSError as error:
        raise storage_error(error, file) from error
    finally:
        partial.unlink(missing_ok=True)


def told(survey: Survey) -> Iterator[tuple[str, str]]:
    """A survey's numbers as names and sentences, the tables apart."""
    yield "rows", f"{survey.rows_in:,} in {survey.files:,} file{'s' * (survey.files > 1)}"
    if survey.rows_filtered:
        yield "set aside", f"{survey.rows_filtered:,} rows (filtered, or not labelled yet)"
    yield "usable", f"{survey.rows:,} rows, {len(survey.labels):,} labels"
    bad = ", ".join(f"{rows:,} {reason}" for reason, rows in survey.rejected.items() if rows)
    yield "rejected", bad or "none"
    for name, lengths in (("characters", survey.characters), ("words", survey.words)):
        found = "  ".join(
            f"{'longest' if p == 100 else f'{p} %'} {n:,}" for p, n in lengths.items()
        )
        yield name, found
    languages = [f"{name} {share:.1%}" for name, share in survey.languages.items()]
    yield "languages", ", ".join(languages[:5]) or "none"
    if survey.shared is not None:
        names = ", ".join(survey.names[:5])
        yield "in several of " + names, _leak(survey.shared, "")
    yield "near copies", _leak(survey.near, ", held out with a near copy among the training rows")
    if survey.refusal:
        yield "tamis run would refuse it", survey.refusal


def plot(file: Path, survey: Survey, _: Advice) -> None:
    """Draw the labels' rows and the texts' lengths as PNG."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(9, 4), layout="constrained")
    left, right = made.subplots(1, 2)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    shown = list(survey.labels.items())[:BARS][::-1]
    left.barh(range(len(shown)), [sum(rows) for _, rows in shown], color=BLUE)
    names = [name if len(name) <= 24 else name[:23] + "…" for name, _ in shown]
    left.set_yticks(range(len(shown)), names, parse_math=False)
    more = len(survey.labels) - len(shown)
    left.set_title("rows by label" + (f" ({more:,} more labels)" if more else ""))
    rows, edges = survey.histogram
    right.bar(edges[:-1], rows, edges[1] - edges[0], align="edge", color=GREY)
    right.set_title("rows by words, up to the 99th percentile")
    save(made, file)


def write_page(file: Path, survey: Survey, advice: Advice) -> None:
    """Write the HTML page."""
    with tempfile.TemporaryDirectory() as scratch:
        drawn = Path(scratch) / "data.png"
        plot(drawn, survey, advice)
        parts = [
            page.table(("what", "found"), told(survey)),
            page.plots([drawn]),
            "<h2>Labels</h2>" + page.table(("label", "rows", *SPLITS), label_rows(survey)),
            _samples("Rejected rows", ("reason", "text"), survey.samples),
            _samples("Near copies", ("held out", "training"), survey.near.samples),
            "<h2>Suggested parameters</h2><pre>" + escape(advice.text()) + "</pre>",
        ]
        page.write_page(file, f"What {survey.uri} holds", parts)


def label_rows(survey: Survey) -> list[tuple[Any, ...]]:
    """Label, rows, and rows by split, the most frequent first."""
    return [(name, sum(rows), *rows) for name, rows in list(survey.labels.items())[:TABLE_ROWS]]


def document(survey: Survey, advice: Advice) -> dict[str, Any]:
    """A survey as JSON knows it."""
    rows, edges = survey.histogram
    return {
        "uri": survey.uri,
        "files": survey.files,
        "rows_in": survey.rows_in,
        "rows_filtered": survey.rows_filtered,
        "rows": survey.rows,
        "rejected": dict(survey.rejected),
        "labels": {n: dict(zip(SPLITS, found, strict=True)) for n, found in survey.labels.items()},
        "characters": {str(p): length for p, length in survey.characters.items()},
        "words": {str(p): length for p, length in survey.words.items()},
        "words_histogram": {"rows": rows.tolist(), "edges": edges.tolist()},
        "languages": dict(survey.languages),
        "shared": None if survey.shared is None else vars(survey.shared),
        "near_copies": vars(survey.near),
        "refusal": survey.refusal,
        "suggested": dict(advice.parameters),
    }


def _leak(leak: Leak, what: str) -> str:
    return f"{leak.rows:,} of {leak.looked_at:,} rows{what}"


def _samples(title: str, header: tuple[str, str], rows: tuple[tuple[str, str], ...]) -> str:
    return f"<h2>{title}</h2>" + page.table(header, rows) if rows else ""


def _write_parameters(file: Path, _: Survey, advice: Advice) -> None:
    file.write_text(advice.text(), encoding="utf-8")


WRITERS: dict[str, Callable[[Path, Survey, Advice], None]] = {
    ".png": plot,
    ".html": write_page,
    ".yaml": _write_parameters,
    ".yml": _write_parameters,
}
