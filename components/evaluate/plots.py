"""The evaluation's plots as PNG files, drawn without pyplot's global state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.contract.figure import BLUE, GREY, figure, save
from components.evaluate.calibration_error import Reliability
from components.evaluate.metrics import Confusion
from components.evaluate.roc import Curve

MATRIX_LABELS = 30
"""A matrix with more rows can't be read; then the labels with the most errors are shown."""
NAMED_CELLS = 12


def plot_confusion(path: Path, labels: Sequence[str], confusion: Confusion) -> None:
    """Draw the confusion matrix, coloured by the share of each row.

    Args:
        path: PNG file to write.
        labels: k label names.
        confusion: The counts.
    """
    shown = _most_confused(confusion)
    matrix = _submatrix(confusion, shown)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = min(3.2 + 0.45 * len(shown), 12)
    made, axes = figure(side, side)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [_shortened(labels[i]) for i in shown]
    axes.set_xticks(range(len(shown)), names, rotation=45, ha="right", parse_math=False)
    axes.set_yticks(range(len(shown)), names, parse_math=False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("actual")
    if len(shown) <= NAMED_CELLS:
        for (i, j), rows in np.ndenumerate(matrix):
            colour = "white" if shares[i, j] > 0.5 else "black"
            axes.text(j, i, f"{rows:,}", ha="center", va="center", color=colour, fontsize=9)
    save(made, path)


def plot_reliability(path: Path, bins: Reliability) -> None:
    """Draw accuracy against confidence; the diagonal is perfect honesty.

    Args:
        path: PNG file to write.
        bins: The binned rows.
    """
    made, axes = figure(4.6, 4.2)
    filled = bins.rows > 0
    width = np.diff(bins.edges)
    axes.bar(
        bins.edges[:-1][filled],
        bins.accuracy[filled],
        width[filled],
        align="edge",
        color=BLUE,
        alpha=0.75,
        edgecolor="white",
    )
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    axes.scatter(bins.confidence[filled], bins.accuracy[filled], color="black", s=12, zorder=3)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="accuracy")
    axes.set_title(f"expected calibration error {bins.error:.3f}", fontsize=10)
    save(made, path)


def plot_roc(path: Path, curves: Sequence[Curve]) -> None:
    """Draw the ROC curves with their areas.

    Args:
        path: PNG file to write.
        curves: The curves; may be none.
    """
    made, axes = figure(5.2, 4.2)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    for curve in curves:
        name = f"{_shortened(curve.name)} ({curve.area:.3f})"
        axes.plot(curve.fpr, curve.tpr, linewidth=1.4, label=name.lstrip("_"))
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="false positive rate", ylabel="true positive rate")
    if curves:
        legend = axes.legend(fontsize=7, loc="lower right", frameon=False)
        for text in legend.get_texts():
            text.set_parse_math(False)
    save(made, path)


def _most_confused(confusion: Confusion) -> list[int]:
    if confusion.labels <= MATRIX_LABELS:
        return list(range(confusion.labels))
    wrong = confusion.actual != confusion.predicted
    errors = np.bincount(confusion.actual[wrong], confusion.count[wrong], confusion.labels)
    return sorted(np.argsort(-errors, kind="stable")[:MATRIX_LABELS].tolist())


def _submatrix(confusion: Confusion, shown: Sequence[int]) -> Any:
    place = {label: i for i, label in enumerate(shown)}
    matrix = np.zeros((len(shown), len(shown)), np.int64)
    cells = zip(confusion.actual, confusion.predicted, confusion.count, strict=True)
    for actual, predicted, count in cells:
        if actual in place and predicted in place:
            matrix[place[actual], place[predicted]] = count
    return matrix


def _shortened(name: str, limit: int = 24) -> str:
    printable = "".join(c if c.isprintable() else " " for c in name)
    return printable if len(printable) <= limit else printable[: limit - 1] + "…"
