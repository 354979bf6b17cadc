"""A cluster run's stages in the terminal: a row each, or a line a change without a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

COLOURS = {"SUCCEEDED": "green", "SKIPPED": "green", "FAILED": "red", "RUNNING": "yellow"}


class RunStages:
    """Shows stages' states; use it as a context manager, and call it with each change.

    Args:
        console: Where to draw.
        stages: Every stage's name.
    """

    def __init__(self, console: Console, stages: tuple[str, ...]) -> None:
        self._console = console
        self._states = dict.fromkeys(stages, "")
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def __call__(self, stage: str, state: str) -> None:
        """Take a stage's new state."""
        self._states[stage] = state
        if self._live:
            self._live.update(self._table(), refresh=True)
        else:
            self._console.print(f"{stage}: {state.lower()}", highlight=False)

    def _table(self) -> Table:
        table = Table(box=None, show_header=False)
        for name, state in self._states.items():
            colour = COLOURS.get(state, "dim")
            table.add_row(name, f"[{colour}]{state.lower() or 'waiting'}[/{colour}]")
        return table
