"""What an alert is, whoever evaluates it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["page", "ticket"]
"""Somebody has to act now; somebody has to look in the next days."""


@dataclass(frozen=True)
class Alert:
    """A value, and the bound that it must not cross.

    Attributes:
        name: In CamelCase, beginning with Tamis.
        value: PromQL of the value.
        operator: How a bad value compares with the threshold.
        threshold: The bound; itself still good.
        wait: How long the value must be bad before the alert fires; a Prometheus duration.
        severity: How urgent it is.
        summary: One sentence. `{value:FORMAT}`, `{label.NAME}` and `{NAME:FORMAT}` of `also` are
            filled in; `template.py` has the formats.
        runbook: The page of docs/runbooks that has a section of the alert's name.
        keep: How long it goes on firing once the value is good again, so that it doesn't flap.
        labels: More labels; `retrain` and `kind` are what the retraining's trigger reads.
        also: Name -> PromQL of other numbers that the summary tells.
    """

    name: str
    value: str
    operator: Literal[">", "<"]
    threshold: float
    wait: str
    severity: Severity
    summary: str
    runbook: str
    keep: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)

    @property
    def all_labels(self) -> dict[str, str]:
        """Its labels, severity among them."""
        return {"severity": self.severity, **self.labels}

    @property
    def page(self) -> str:
        """Where the runbook is, from the repository's root."""
        return f"docs/runbooks/{self.runbook}.md#{self.name.lower()}"


@dataclass(frozen=True)
class Recorded:
    """A series that Prometheus computes beforehand.

    Attributes:
        name: Its name.
        value: PromQL.
    """

    name: str
    value: str


@dataclass(frozen=True)
class Group:
    """Alerts, and the recorded series that they read, evaluated in order.

    Attributes:
        name: The group's name.
        recorded: The series.
        alerts: The alerts.
        every: How often, a Prometheus duration.
    """

    name: str
    recorded: tuple[Recorded, ...]
    alerts: tuple[Alert, ...]
    every: str = "30s"
