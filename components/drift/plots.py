"""The check's plots."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.contract.figure import BLUE, GREY, figure, save
from components.drift.detectors.detector import Kind
from components.drift.history import History
from components.drift.moved import moved_aspects
from components.drift.watch import NEWEST, Watch

COLOURS: dict[Kind, str] = {"input": BLUE, "prediction": "#d97706", "concept": "#dc2626"}
SHOWN = 4
"""Aspects whose distributions are drawn, those that moved most."""
LEAST = -6.0
"""Evidence below a millionth is drawn as a millionth."""


def draw(folder: Path, watch: Watch, history: History) -> list[Path]:
    """Draw the plots.

    Args:
        folder: Where PNG files are written.
        watch: What was told all rows.
        history: What it said meanwhile.

    Returns:
        The files.
    """
    files = [folder / "evidence.png", folder / "accuracy.png"]
    _evidence(files[0], watch, history)
    _accuracy(files[1], history)
    for kind in ("input", "prediction"):
        files.append(folder / f"{kind}.png")
        _distributions(files[-1], kind, watch)
    return files


def _evidence(path: Path, watch: Watch, history: History) -> None:
    made, axes = figure(7.2, 3.4)
    rows = [point.row for point in history.points]
    for place, (kind, test) in enumerate(watch.tests.items()):
        evidence = [max(point.evidence[place], LEAST) for point in history.points]
        axes.plot(rows, evidence, color=COLOURS[kind], linewidth=1.3, label=kind)
        axes.axhline(test.threshold, color=GREY, linestyle="--", linewidth=0.8)
    axes.set(xlabel="rows", ylabel="log10 of the evidence")
    axes.set_title("a drift is said where evidence crosses the dashed line", fontsize=9)
    axes.legend(fontsize=8, frameon=False)
    save(made, path)


def _accuracy(path: Path, history: History) -> None:
    made, axes = figure(7.2, 3.0)
    told = [(point.row, *point.estimate) for point in history.points if point.estimate]
    if told:
        rows, estimate, lower, upper = map(np.array, zip(*told, strict=True))
        axes.fill_between(rows, lower, upper, color=BLUE, alpha=0.15, linewidth=0)
        axes.plot(rows, estimate, color=BLUE, linewidth=1.3)
    axes.set(ylim=(0, 1.01), xlabel="rows", ylabel="accuracy")
    axes.set_title("accuracy estimated without labels, 90 % interval", fontsize=9)
    save(made, path)


def _distributions(path: Path, kind: Kind, watch: Watch) -> None:
    """Cumulative shares of the aspects that moved most, over their bins."""
    test = watch.tests[kind]
    recent = test.recent(NEWEST)
    made, axes = figure(7.2, 3.2)
    for colour, moved in enumerate(moved_aspects(kind, test, NEWEST)[:SHOWN]):
        place = test.aspects.names.index(moved.aspect)
        counts = test.aspects.counts[place].sum(axis=0)
        after = np.bincount(recent[:, place], minlength=len(counts))
        bins = np.arange(len(counts))
        axes.plot(bins, counts.cumsum() / counts.sum(), color=f"C{colour}", linestyle=":")
        axes.plot(bins, after.cumsum() / after.sum(), color=f"C{colour}", label=moved.aspect)
    axes.set(xlabel="bin", ylabel="share of rows", ylim=(0, 1.01))
    axes.set_title(f"{kind}: reference dotted, newest rows solid", fontsize=9)
    if len(recent):
        for text in axes.legend(fontsize=8, frameon=False).get_texts():
            text.set_parse_math(False)
    save(made, path)
