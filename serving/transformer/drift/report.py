"""What drift scoring has found, for gauges and for `GET /drift`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from components.drift.detectors.detector import Kind


@dataclass(frozen=True)
class Finding:
    """What a detector made of the newest window.

    Attributes:
        detector: Its name.
        kind: What it looks at: `input`, `prediction` or `concept`.
        score: Its statistic.
        p_value: How likely as large a score is without drift, for this window alone; None for a
            sequential test.
        threshold: The score above which it is significant.
        significant: Whether it is, in this window alone.
        drifted: Whether that has lasted: what an alert should go by.
        window_rows: Rows, or pieces of feedback, that it is computed from.
        computed_at: Seconds since 1970, UTC.
    """

    detector: str
    kind: Kind
    score: float
    p_value: float | None
    threshold: float
    significant: bool
    drifted: bool
    window_rows: int
    computed_at: float


@dataclass(frozen=True)
class DriftReport:
    """The state of drift scoring.

    Attributes:
        detectors: Which set of them, as the setting names it.
        bundle_digest: The bundle whose reference windows are compared with; empty before any.
        findings: The newest of each detector; none before the first window is full enough.
        window_rows: Rows in the window now.
        outcomes: Pieces of feedback about this bundle so far.
        diagnosis: What the sequential tests say, a `components.drift.verdict.Diagnosis` as a
            mapping; empty before any.
        diagnosed_at: When they last did, seconds since 1970, UTC; None before any.
        dropped: Rows that were not looked at, since the start.
        worker_restarts: How often the worker had to be started again.
        problem: Why there are no newer findings, in a sentence; empty when nothing is wrong.
    """

    detectors: str
    bundle_digest: str = ""
    findings: tuple[Finding, ...] = ()
    window_rows: int = 0
    outcomes: int = 0
    diagnosis: Mapping[str, Any] = field(default_factory=dict)
    diagnosed_at: float | None = None
    dropped: int = 0
    worker_restarts: int = 0
    problem: str = ""

    @property
    def drifted(self) -> bool:
        """Whether any detector says so, or any sequential test."""
        return any(finding.drifted for finding in self.findings) or any(
            verdict["active"] for verdict in self.diagnosis.get("kinds", ())
        )

    @property
    def computed_at(self) -> float | None:
        """When the newest finding was made, seconds since 1970, UTC; None before any."""
        times = [finding.computed_at for finding in self.findings]
        if self.diagnosed_at is not None:
            times.append(self.diagnosed_at)
        return max(times, default=None)


def payload(report: DriftReport, now: float) -> Mapping[str, Any]:
    """A report as JSON.

    Args:
        report: The report.
        now: Seconds since 1970, UTC.

    Returns:
        An object of its attributes, `drifted`, and `age_s`: seconds since the newest finding, null
        before any.
    """
    computed = report.computed_at
    return {
        "drifted": report.drifted,
        "age_s": None if computed is None else round(max(0.0, now - computed), 3),
        **asdict(report),
    }
