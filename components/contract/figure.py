"""Figures as PNG files, drawn without pyplot's global state."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

BLUE, GREY = "#2563eb", "#94a3b8"
DPI = 110


def figure(width: float, height: float) -> tuple[Any, Any]:
    """A figure of so many inches and its axes."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained")
    axes = made.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return made, axes


def save(made: Any, path: Path) -> None:
    """Write a PNG file: equal numbers, equal bytes."""
    with warnings.catch_warnings():
        # The bundled font lacks some scripts; their letters are drawn as boxes, which will do.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        # No version of the library in the file.
        made.savefig(path, format="png", dpi=DPI, metadata={"Software": None})
