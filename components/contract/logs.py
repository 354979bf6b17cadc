"""Structured logs: one JSON object a line, with the run's id.

`tamis run` reads the lines of its stages to show progress.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from typing import Any

from components.contract.environment import environment

LOGGER = logging.getLogger("tamis")


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object; `extra={"fields": {...}}` adds keys."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON for a record; `lines` has made its own already."""
        if hasattr(record, "rendered"):
            return record.getMessage()
        document: dict[str, Any] = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "run_id": environment().run_id,
        }
        document.update(getattr(record, "fields", {}))
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False, default=str)


def configure() -> None:
    """Send the `tamis` logger's records to standard error; idempotent."""
    if LOGGER.handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False


def event(name: str, **fields: Any) -> None:
    """Log one event with fields."""
    LOGGER.info(name, extra={"fields": fields})


def lines(rendered: Sequence[str]) -> None:
    """Log events that are lines of JSON already, in one write.

    Args:
        rendered: Each made as `JsonFormatter` would, with `time`, `level`, `event` and `run_id`.
    """
    LOGGER.info("%s", "\n".join(rendered), extra={"rendered": True})


class Progress:
    """Reports how far a long stage is, at most once a second.

    Args:
        stage: The stage's name, e.g. `train-lstm`.
        total: Units of work in all; 0 when it isn't known.
    """

    def __init__(self, stage: str, total: int) -> None:
        self._stage, self._total = stage, total
        self._last = 0.0

    def update(self, done: int, **fields: Any) -> None:
        """Say that `done` units are finished; extra fields (loss, accuracy) ride along."""
        now = time.monotonic()
        if now - self._last >= 1.0 or done == self._total:
            self._last = now
            event("progress", stage=self._stage, done=done, total=self._total, **fields)
