"""What the service promises, and how fast it may use up what it may miss.

https://sre.google/workbook/alerting-on-slos/ (6: multiwindow, multi-burn-rate alerts)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from manifests.monitoring.alert import Alert, Group, Recorded, Severity
from manifests.monitoring.selectors import CALLS, PREDICTIONS, both, share


@dataclass(frozen=True)
class Objective:
    """A share of requests, over 30 days, that has to be good.

    Attributes:
        name: One word.
        target: The share.
        bad: PromQL of the rate of bad requests, with `WINDOW`.
        all: PromQL of the rate of all requests, with `WINDOW`.
        missed: What a bad request did, for the summary.
    """

    name: str
    target: float
    bad: str
    all: str
    missed: str

    def series(self, what: Literal["bad", "all", "burn"], window: str) -> str:
        """The name of a recorded series: a rate, or the burn rate made of both.

        A burn rate of 1 uses the budget up in exactly 30 days.
        """
        return f"tamis:{self.name}_{what}:rate{window}"


@dataclass(frozen=True)
class BurnRate:
    """How fast is too fast.

    Attributes:
        factor: Times the rate at which the budget lasts 30 days.
        long: The window that makes sure that it matters.
        short: The window that makes sure that it still goes on, so that the alert ends soon.
        wait: How long both must be above.
        severity: How urgent that is.
        days: After how many days the budget would be gone.
    """

    factor: float
    long: str
    short: str
    wait: str
    severity: Severity
    days: str


WINDOW = "WINDOW"
LATENCY_S = 0.5
"""Where a bucket of `tamis_request_seconds` ends: a share is known there alone."""
LEAST_REQUESTS = 20
"""In the long window; the failure of one request of ten is no burn rate."""
OBJECTIVES = (
    Objective(
        "availability",
        0.999,
        f'sum(rate(tamis_requests_total{{{CALLS}, status=~"5.."}}[WINDOW]))',
        f"sum(rate(tamis_requests_total{{{CALLS}}}[WINDOW]))",
        "failed",
    ),
    Objective(
        "latency",
        0.99,
        f"(sum(rate(tamis_request_seconds_count{{{PREDICTIONS}}}[WINDOW])) - sum(rate("
        f'tamis_request_seconds_bucket{{{PREDICTIONS}, le="{LATENCY_S}"}}[WINDOW])))',
        f"sum(rate(tamis_request_seconds_count{{{PREDICTIONS}}}[WINDOW]))",
        f"took longer than {LATENCY_S} s",
    ),
)
BURN_RATES = (
    BurnRate(14.4, "1h", "5m", "1m", "page", "two days"),
    BurnRate(6, "6h", "30m", "2m", "page", "five days"),
    BurnRate(3, "1d", "2h", "5m", "ticket", "ten days"),
    BurnRate(1, "3d", "6h", "15m", "ticket", "thirty days"),
)
"""The workbook's, and its table's 5 %, 10 % and 10 % of the budget for 6, 3 and 1."""
SECONDS = {"m": 60, "h": 3_600, "d": 86_400}


def seconds(duration: str) -> int:
    """A duration of one unit, such as 5m, in seconds."""
    return int(duration[:-1]) * SECONDS[duration[-1]]


def _recorded(objective: Objective) -> Iterator[Recorded]:
    windows = {window for rate in BURN_RATES for window in (rate.long, rate.short)}
    for window in sorted(windows, key=seconds):
        bad, every = (objective.series(what, window) for what in ("bad", "all"))
        yield Recorded(bad, objective.bad.replace(WINDOW, window))
        yield Recorded(every, objective.all.replace(WINDOW, window))
        budget = f"{1 - objective.target:.6g}"
        yield Recorded(objective.series("burn", window), f"{share(bad, every)} / {budget}")


def _alerts(objective: Objective) -> Iterator[Alert]:
    title = objective.name.title()
    for rate in BURN_RATES:
        value = both(objective.series("burn", rate.long), objective.series("burn", rate.short))
        every = objective.series("all", rate.long)
        enough = f"{every} * {seconds(rate.long)} >= {LEAST_REQUESTS}"
        yield Alert(
            name=f"Tamis{title}Burn{rate.long}",
            value=f"({value}) and on () ({enough})",
            operator=">",
            threshold=rate.factor,
            wait=rate.wait,
            severity=rate.severity,
            summary=(
                f"Too many requests {objective.missed}: {{value:number}} times as many as "
                f"{objective.target:.1%} allows, over {rate.long} and {rate.short}; at "
                f"{rate.factor:g} the month's budget is gone in {rate.days}."
            ),
            runbook="service",
            labels={"objective": objective.name},
        )


GROUPS = tuple(
    Group(
        f"tamis-{objective.name}",
        tuple(_recorded(objective)),
        tuple(_alerts(objective)),
    )
    for objective in OBJECTIVES
)
