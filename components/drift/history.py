"""What the tests said in the course of a file: points for plots, each drift from its start."""

from __future__ import annotations

from dataclasses import dataclass

from components.drift.detectors.detector import Kind
from components.drift.verdict import Cause, Diagnosis, Verdict

POINTS = 2_000
"""Points that are kept; beyond, every other one goes, so that ten million rows need no more."""


@dataclass(frozen=True)
class Point:
    """What was said after so many rows.

    Attributes:
        row: Rows so far.
        evidence: Log10, of each kind in the order of `Diagnosis.kinds`.
        estimate: The estimated accuracy with its interval; None of few rows.
    """

    row: int
    evidence: tuple[float, ...]
    estimate: tuple[float, float, float] | None


@dataclass
class Episode:
    """A drift from when it began.

    Attributes:
        kind: Of what.
        since: When it began, in the rows' times, or the row's number.
        found_row: Rows read when it had been found.
        over_row: Rows read when it was over; None when it lasted to the end.
        cause: What the pattern looked like, at the last.
        verdict: What was said of it, at the last.
    """

    kind: Kind
    since: float
    found_row: int
    over_row: int | None
    cause: Cause
    verdict: Verdict


class History:
    """Points and episodes."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.episodes: list[Episode] = []
        self._open: dict[Kind, Episode] = {}
        self._stride, self._turn = 1, 0

    def add(self, row: int, diagnosis: Diagnosis) -> None:
        """Take down what is said after so many rows."""
        self._turn += 1
        if self._turn % self._stride == 0:
            told = diagnosis.accuracy
            self.points.append(
                Point(
                    row,
                    tuple(verdict.evidence for verdict in diagnosis.kinds),
                    None if told is None else (told.estimate, told.lower, told.upper),
                )
            )
        if len(self.points) > POINTS:
            del self.points[::2]
            self._stride *= 2
        for verdict in diagnosis.kinds:
            self._follow(row, verdict, diagnosis.cause)

    def _follow(self, row: int, verdict: Verdict, cause: Cause) -> None:
        episode = self._open.get(verdict.kind)
        if episode is not None and (not verdict.active or verdict.since != episode.since):
            episode.over_row = row
            del self._open[verdict.kind]
            episode = None
        if not verdict.active or verdict.since is None:
            return
        if episode is None:
            episode = Episode(verdict.kind, verdict.since, row, None, cause, verdict)
            self._open[verdict.kind] = episode
            self.episodes.append(episode)
        episode.cause, episode.verdict = cause, verdict
