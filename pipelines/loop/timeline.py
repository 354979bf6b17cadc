"""What happened when: printed as it happens, kept for the plot."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Moment:
    """Something that happened.

    Attributes:
        second: Seconds since the timeline began.
        name: A short name, for the plot; empty for what isn't drawn.
        sentence: What happened.
    """

    second: float
    name: str
    sentence: str


class Timeline:
    """A clock and what happened by it; for several threads."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._moments: list[Moment] = []
        self._lock = threading.Lock()

    @property
    def now(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    @property
    def moments(self) -> tuple[Moment, ...]:
        """Everything so far."""
        with self._lock:
            return tuple(self._moments)

    def tell(self, sentence: str, name: str = "") -> None:
        """Keep and print a moment.

        Args:
            sentence: What happened.
            name: A short name, for the plot.
        """
        moment = Moment(round(self.now, 2), name, sentence)
        with self._lock:
            self._moments.append(moment)
            minutes, seconds = divmod(int(moment.second), 60)
            sys.stdout.write(f"{minutes:02d}:{seconds:02d}  {sentence}\n")
            sys.stdout.flush()
