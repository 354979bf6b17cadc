"""A bundle that is watched, and what has been seen of its traffic."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from components.drift.persistence import Persistence
from components.drift.reference import Reference
from components.drift.window import SlidingWindow, Window
from serving.transformer.drift.frames import Arrays
from serving.transformer.drift.fresh import Fresh
from serving.transformer.drift.report import Finding
from serving.transformer.drift.settings import DriftSettings
from serving.transformer.drift.tap import Drained

OUTCOMES_KEPT = 10_000
"""Feedback kept for a worker that starts again: a sequential test lives on all that it was told."""


class Watched:
    """One bundle's window, feedback and findings.

    Args:
        digest: The bundle.
        reference: What its windows are compared with.
        settings: When to test.
    """

    def __init__(self, digest: str, reference: Reference, settings: DriftSettings) -> None:
        self.digest, self.reference = digest, reference
        self.findings: tuple[Finding, ...] = ()
        self.diagnosis: dict[str, Any] = {}
        self.outcomes = 0
        self._settings = settings
        self._window = SlidingWindow(
            settings.window_rows, reference.features.shape[1], reference.probabilities.shape[1]
        )
        self._persistence = Persistence(settings.consecutive)
        self._fresh = Fresh(reference.features.shape[1], reference.probabilities.shape[1])
        self._kept: list[bool] = []
        self._told = 0  # of those kept, the first so many are known to the worker
        self._rows = self._tested_rows = self._counted_rows = self._tested_outcomes = 0
        self._tested_at = time.monotonic()  # a service of a few texts needs no worker at once
        self.diagnosed_at = 0.0

    def __len__(self) -> int:
        """Rows in the window."""
        return len(self._window)

    def gather(self, drained: Drained, at: float) -> int:
        """Take what came in since the last call.

        Args:
            drained: That.
            at: Seconds since 1970, UTC.

        Returns:
            Rows that the sequential test won't see.
        """
        rows, outcomes = drained.rows, drained.outcomes.tolist()
        self._window.add(rows)
        self._rows += rows.filled
        surplus = self._fresh.add(rows, drained.texts, at)
        self._fresh.add_outcomes(outcomes, at)
        self._keep(outcomes)
        return surplus

    def _keep(self, outcomes: list[bool]) -> None:
        self._kept.extend(outcomes)
        self.outcomes += len(outcomes)
        surplus = len(self._kept) - OUTCOMES_KEPT
        if surplus > 0:
            del self._kept[:surplus]
            self._told = max(0, self._told - surplus)

    def due(self, now: float) -> bool:
        """Whether it is time for a test.

        Args:
            now: Monotonic seconds.

        Returns:
            Whether enough is new.
        """
        settings = self._settings
        rows = self._rows - self._tested_rows
        news = rows + self.outcomes - self._tested_outcomes
        waited = now - self._tested_at >= settings.every_s
        return rows >= settings.every_rows or (waited and news > 0)

    def window(self, all_outcomes: bool) -> Window:
        """What to test: the window, empty until it is full enough, and feedback not yet told.

        Args:
            all_outcomes: Whether the worker is new and must be told all.

        Returns:
            Views and copies, good until the next `gather`.
        """
        if all_outcomes:
            self._told = 0
        outcomes = np.array(self._kept[self._told :], np.bool_)
        self._told = len(self._kept)
        self._tested_rows, self._tested_outcomes = self._rows, self.outcomes
        window = self._window.view(outcomes)
        if self._full_enough:
            return window
        return Window(window.features[:0], window.probabilities[:0], window.lengths[:0], outcomes)

    def fresh(self) -> Arrays:
        """The rows that no worker has been told of yet; they count as told from here on."""
        return self._fresh.take()

    def conclude(self, answer: dict[str, Any], now: float, at: float) -> None:
        """Turn the worker's answer to the last `window` into findings.

        Args:
            answer: As `worker.py` sends it.
            now: Monotonic seconds.
            at: Seconds since 1970, UTC.
        """
        self._tested_at = now
        half = self._settings.window_rows // 2
        fresh = self._counted_rows == 0 or self._tested_rows - self._counted_rows >= half
        if fresh:
            self._counted_rows = self._tested_rows
        self.findings = tuple(self._finding(score, fresh, at) for score in answer["scores"])
        self.diagnosis, self.diagnosed_at = answer["diagnosis"], at

    def _finding(self, score: dict[str, Any], fresh: bool, at: float) -> Finding:
        significant = score["score"] > score["threshold"]
        lasting = significant
        if not score["sequential"]:
            lasting = self._persistence.drifted(score["detector"], significant, fresh)
        return Finding(
            score["detector"],
            score["kind"],
            score["score"],
            score["p_value"],
            score["threshold"],
            significant,
            lasting,
            score["rows"],
            at,
        )

    @property
    def _full_enough(self) -> bool:
        return len(self._window) >= self._settings.minimum_rows
