"""What Prometheus sees of the sequential tests and of the estimated accuracy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, get_args

from prometheus_client import CollectorRegistry, Gauge

from components.drift.detectors.detector import Kind


class DiagnosisMetrics:
    """The gauges; `kind` takes three values, and each has its series from the start.

    Args:
        registry: Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def by_kind(name: str, help_: str) -> Gauge:
            return Gauge(f"tamis_drift_{name}", help_, ["kind"], registry=registry)

        self._active = by_kind("active", "1 while drift of that kind is held to be there")
        self._since = by_kind("since_timestamp_seconds", "When it began; 0 while there is none")
        self._evidence = by_kind("evidence", "Log10 of the sequential test's evidence")
        self._size = by_kind("size", "Largest gap of a watched distribution, 0 to 1")
        self._accuracy = {
            name: Gauge(f"tamis_estimated_accuracy{suffix}", help_, registry=registry)
            for name, suffix, help_ in (
                ("estimate", "", "Accuracy on the newest texts, estimated without labels"),
                ("lower", "_lower", "Where its 90 % interval begins"),
                ("upper", "_upper", "Where its 90 % interval ends"),
            )
        }
        self.show({})

    def show(self, diagnosis: Mapping[str, Any]) -> None:
        """Set the gauges.

        Args:
            diagnosis: A `components.drift.verdict.Diagnosis` as a mapping; empty before any.
        """
        told = {verdict["kind"]: verdict for verdict in diagnosis.get("kinds", ())}
        for kind in get_args(Kind):
            verdict = told.get(kind, {})
            self._active.labels(kind).set(verdict.get("active", False))
            self._since.labels(kind).set(verdict.get("since") or 0)
            self._evidence.labels(kind).set(verdict.get("evidence", 0))
            self._size.labels(kind).set(verdict.get("size", 0))
        accuracy = diagnosis.get("accuracy") or {}
        for name, gauge in self._accuracy.items():
            gauge.set(accuracy.get(name, math.nan))
