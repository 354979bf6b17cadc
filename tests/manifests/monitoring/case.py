"""Cases of `promtool test rules` as data: series in, alerts at moments out.

https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from manifests.monitoring.alert import Alert

Kind = Literal[
    "healthy", "just below", "just above", "resolves",
    "short spike", "long only", "no traffic", "missing series", "hysteresis",
]  # fmt: skip
ALWAYS: frozenset[Kind] = frozenset({"healthy", "just below", "just above", "resolves"})
"""What each alert has a case of."""
OF_BURN_RATES = ALWAYS | {"short spike", "long only", "no traffic", "missing series"}


@dataclass(frozen=True)
class Check:
    """What is so at a moment.

    Attributes:
        at: A Prometheus duration since the beginning, which is 1970.
        says: The firing alert's summary; empty when it is silent.
        labels: Labels of the firing alert that come from its series.
    """

    at: str
    says: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """Series, and what becomes of one alert.

    Attributes:
        alert: Its name.
        kind: What the series are like.
        series: Series -> values, one for each interval.
        checks: What is so when.
        every: The interval of values and evaluations.
    """

    alert: str
    kind: Kind
    series: Mapping[str, str]
    checks: tuple[Check, ...]
    every: str = "1m"

    def promtool(self, alert: Alert) -> dict[str, Any]:
        """The case as one of promtool's `tests`."""
        return {
            "interval": self.every,
            "input_series": [{"series": k, "values": v} for k, v in self.series.items()],
            "alert_rule_test": [
                {
                    "eval_time": check.at,
                    "alertname": self.alert,
                    "exp_alerts": [_expected(alert, check)] if check.says else [],
                }
                for check in self.checks
            ],
        }


def _expected(alert: Alert, check: Check) -> dict[str, Any]:
    return {
        "exp_labels": {**alert.all_labels, **check.labels},
        "exp_annotations": {"summary": check.says, "runbook": alert.page},
    }


def counter(*pieces: tuple[float, int]) -> str:
    """A counter's values: 0, and then pieces of (what is added each interval, intervals)."""
    value, parts = 0.0, ["0"]
    for step, count in pieces:
        parts.append(f"{value + step:.10g}+{step:.10g}x{count - 1}")
        value += step * count
    return " ".join(parts)


def gauge(*pieces: tuple[float | str, int]) -> str:
    """A gauge's values: pieces of (value, intervals); `_` for a gap."""
    return " ".join(
        f"_x{count}" if value == "_" else f"{value}+0x{count - 1}" for value, count in pieces
    )
