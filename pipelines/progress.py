"""A run's stages in the terminal: a row each, with a bar and an ETA on the long ones."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class RunProgress:
    """Shows events of a pipeline run; use it as a context manager.

    Args:
        console: Where to draw. Without a terminal it prints a line when a stage ends.

    Attributes:
        cached: Tasks whose result came from the cache.
    """

    def __init__(self, console: Console) -> None:
        self.cached: list[str] = []
        self._console = console
        self._bars = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description:<20}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[note]:<22}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._rows: dict[str, TaskID] = {}
        self._current = ""

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._close()
        self._bars.stop()

    def __call__(self, task: str, event: Mapping[str, Any]) -> None:
        """Take one event of a task."""
        name = event.get("event")
        if name == "executing":
            self._close()
            self._current = task
            self._rows[task] = self._bars.add_task(task, total=None, note="")
        elif task not in self._rows:
            return
        elif name == "cached":
            self.cached.append(task)
            self._bars.update(self._rows[task], note="unchanged, from cache")
        elif name == "progress":
            total = event.get("total") or None
            note = f"loss {event['loss']:.3f}" if "loss" in event else ""
            self._bars.update(self._rows[task], completed=event["done"], total=total, note=note)

    def _close(self) -> None:
        if self._current:
            row = self._rows[self._current]
            self._bars.update(row, completed=1, total=1)
            self._bars.stop_task(row)
            if not self._console.is_terminal:
                seconds = self._bars.tasks[row].finished_time or 0.0
                note = " (from cache)" if self._current in self.cached else ""
                self._console.print(f"{self._current}: {seconds:.1f} s{note}")
        self._current = ""
