"""What Prometheus sees of drift scoring."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

from serving.transformer.drift.diagnosis_metrics import DiagnosisMetrics
from serving.transformer.drift.report import DriftReport


class DriftMetrics:
    """The gauges and counters; `detector` takes a dozen values at most.

    Args:
        registry: Where they are registered.
        age_s: Seconds since the newest finding; NaN before any.
    """

    def __init__(self, registry: CollectorRegistry, age_s: Callable[[], float]) -> None:
        def by_detector(name: str, help_: str) -> Gauge:
            return Gauge(f"tamis_drift_{name}", help_, ["detector"], registry=registry)

        self._score = by_detector("score", "A detector's statistic")
        self._p_value = by_detector("p_value", "How likely as large a score is without drift")
        self._threshold = by_detector("threshold", "The score above which it is significant")
        self._detected = by_detector("detected", "1 when significance has lasted")
        self._window_rows = Gauge(
            "tamis_drift_window_rows", "Rows in the window", registry=registry
        )
        age = Gauge("tamis_drift_age_seconds", "Since the newest finding", registry=registry)
        age.set_function(age_s)
        self._dropped = Counter(
            "tamis_drift_dropped_total", "Rows not looked at", ["reason"], registry=registry
        )
        self.restarts = Counter(
            "tamis_drift_worker_restarts_total", "Workers started again", registry=registry
        )
        self.worker_cpu = Counter(
            "tamis_drift_worker_cpu_seconds_total", "The worker's CPU time", registry=registry
        )
        self._diagnosed = DiagnosisMetrics(registry)
        self._known: set[str] = set()

    def drop(self, rows: int, reason: str) -> None:
        """Count rows that were not looked at."""
        self._dropped.labels(reason).inc(rows)

    def show(self, report: DriftReport) -> None:
        """Set the gauges; a detector without a finding has none."""
        self._window_rows.set(report.window_rows)
        self._diagnosed.show(report.diagnosis)
        found = {finding.detector for finding in report.findings}
        for detector in self._known - found:
            for gauge in (self._score, self._p_value, self._threshold, self._detected):
                gauge.remove(detector)
        self._known = found
        for finding in report.findings:
            p_value = float("nan") if finding.p_value is None else finding.p_value
            self._score.labels(finding.detector).set(finding.score)
            self._p_value.labels(finding.detector).set(p_value)
            self._threshold.labels(finding.detector).set(finding.threshold)
            self._detected.labels(finding.detector).set(finding.drifted)
