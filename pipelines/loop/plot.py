"""The loop in one picture: accuracy over time, which model answered, what happened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.loop.timeline import Moment
from pipelines.loop.traffic import Asked

WINDOW = 200
"""Requests that a point of the curve averages: 800 texts, whose standard error is 1.5 points."""
LEAST = 20
"""Of fewer requests no curve is drawn."""
COLOURS = ("#1d4ed8", "#b91c1c", "#047857", "#7c3aed")


def draw(file: Path, answered: Sequence[Asked], moments: Sequence[Moment], title: str) -> None:
    """Draw the picture.

    Args:
        file: A PNG file to write.
        answered: Requests in the order of their answers.
        moments: The timeline; those with a name are drawn.
        title: Its title.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 5.5), layout="constrained")
    axes: Any = figure.add_subplot()
    axes.set(title=title, xlabel="seconds", ylabel=f"accuracy of {WINDOW} requests", ylim=(0.6, 1))
    groups = list(dict.fromkeys((asked.kind, asked.version) for asked in answered))
    for number, (kind, version) in enumerate(groups):
        own = [asked for asked in answered if (asked.kind, asked.version) == (kind, version)]
        if len(own) < LEAST:
            continue
        seconds, shares = _curve(own)
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(seconds, shares, color=colour, label=f"{kind}, version {version}")
        mean = sum(asked.right for asked in own) / sum(asked.rows for asked in own)
        axes.hlines(mean, own[0].second, own[-1].second, color=colour, linestyle="--")
    named = [moment for moment in moments if moment.name]
    for number, moment in enumerate(named):
        axes.axvline(moment.second, color="#64748b", linewidth=0.8, linestyle=":")
        axes.annotate(
            moment.name,
            (moment.second, 0.605 + 0.02 * (number % 4)),
            fontsize=8,
            color="#334155",
        )
    axes.legend(loc="upper right")
    axes.grid(alpha=0.2)
    figure.savefig(file, dpi=120)


def _curve(asked: Sequence[Asked]) -> tuple[Any, Any]:
    """Moving averages: (n,) seconds and (n,) shares right."""
    size = max(1, min(WINDOW, len(asked) // 2))
    kernel = np.ones(size)
    right = np.convolve([a.right for a in asked], kernel, "valid")
    rows = np.convolve([a.rows for a in asked], kernel, "valid")
    seconds = np.array([a.second for a in asked])[size - 1 :]
    return seconds, right / rows
