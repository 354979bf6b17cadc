"""Keeping a worker running: started when needed, again when lost, later each time it fails."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

from components.contract import logs
from components.drift.reference import Reference
from components.drift.window import Window
from serving.transformer.drift.frames import Arrays
from serving.transformer.drift.process import WorkerLostError, WorkerProcess
from serving.transformer.drift.settings import DriftSettings

LONGEST_PAUSE_S = 60.0
"""Between two starts of a worker that keeps failing; the first pause is one second."""


class Supervisor:
    """Owner of the worker process. Used by one thread.

    Args:
        settings: What the worker is to do, and how long it may take.
        idle: Called several times a second while the worker is waited for; raises to stop waiting.
        restarted: Told of every start but the first.
    """

    def __init__(
        self, settings: DriftSettings, idle: Callable[[], None], restarted: Callable[[], None]
    ) -> None:
        self._settings, self._idle, self._restarted = settings, idle, restarted
        self._worker: WorkerProcess | None = None
        self._prepared = self._known = ""
        self._state: dict[str, Any] = {}
        self._started = False
        self._failures = 0
        self._not_before = 0.0

    @property
    def pid(self) -> int | None:
        """The worker's process id; None while there is none."""
        worker = self._worker
        return None if worker is None else worker.pid

    @property
    def pausing(self) -> bool:
        """Whether the last worker failed a moment ago."""
        return time.monotonic() < self._not_before

    def prepare(self, digest: str, reference: Reference) -> bool:
        """See to it that a worker runs that knows a bundle's reference.

        Args:
            digest: The bundle.
            reference: Its reference.

        Returns:
            Whether the worker had to be told; it then knows nothing of earlier windows.

        Raises:
            WorkerLostError: When it ended, hung or refused; `pausing` holds for a while.
        """
        if self._worker is not None and self._prepared == digest:
            return False
        message = {"kind": "reference", "settings": dataclasses.asdict(self._settings)}
        if digest != self._known:
            self._known, self._state = digest, {}
        with self._failing():
            if self._worker is None:
                if self._started:
                    self._restarted()
                self._started = True
                self._worker = WorkerProcess(self._idle)
            started = time.monotonic()
            arrays = {**reference.arrays(), **self._state}
            answer, _ = self._ask(message, arrays, self._settings.start_s)
        self._prepared = digest
        logs.event(
            "drift_worker_ready",
            detectors=self._settings.detectors,
            wall_s=round(time.monotonic() - started, 3),
            cpu_s=round(answer["cpu_s"], 3),
            rss_mb=answer["rss_mb"],
        )
        return True

    def score(self, window: Window, fresh: Arrays) -> dict[str, Any]:
        """Have a window tested by the prepared worker.

        Args:
            window: The window.
            fresh: What is new in it, as `Fresh.take` gives it.

        Returns:
            The answer: `scores`, `diagnosis`, `cpu_s`, `rss_mb`.

        Raises:
            WorkerLostError: As `prepare`.
        """
        with self._failing():
            arrays = {**window.arrays(), **fresh}
            answer, state = self._ask({"kind": "window"}, arrays, self._settings.answer_s)
        # A worker that is started again goes on with the sequential tests where this one was.
        self._state = {f"state_{name}": array for name, array in state.items()}
        self._failures = 0
        return answer

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.close()
            self._worker, self._prepared = None, ""

    def _ask(
        self, message: Mapping[str, Any], arrays: Arrays, timeout_s: float
    ) -> tuple[dict[str, Any], Arrays]:
        if self._worker is None:
            raise WorkerLostError("There is no drift worker.")
        answer, state = self._worker.ask(message, arrays, timeout_s)
        if answer.get("kind") == "refused":
            raise WorkerLostError(f"{answer['message']} {answer['hint']}".strip())
        if answer.get("kind") not in ("ready", "scores"):
            raise WorkerLostError("The drift worker gave no answer that can be read.")
        return answer, state

    @contextlib.contextmanager
    def _failing(self) -> Any:
        """A worker that fails inside the block is ended, and the next one starts after a pause."""
        try:
            yield
        except WorkerLostError as error:
            self.close()
            pause = min(LONGEST_PAUSE_S, 2.0**self._failures)
            self._failures += 1
            self._not_before = time.monotonic() + pause
            logs.event("drift_worker_lost", message=str(error), pause_s=pause)
            raise
        except BaseException:  # waiting was given up: its answer would be taken for the next one's
            self.close()
            raise
