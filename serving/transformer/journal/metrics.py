"""What Prometheus sees of a journal."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
"""Seconds: a commit of one row takes the first, one that waits for another process the last."""


class JournalMetrics:
    """The journal's metrics.

    Args:
        registry: Where they are registered.
        waiting_rows: Tells how many rows wait.
    """

    def __init__(self, registry: CollectorRegistry, waiting_rows: Callable[[], int]) -> None:
        self.predictions = Counter(
            "tamis_journal_predictions_total", "Predictions made durable", registry=registry
        )
        self.failures = Counter(
            "tamis_journal_failures_total", "Entries that could not be kept", registry=registry
        )
        self.refusals = Counter(
            "tamis_journal_overload_total", "Entries refused by a full queue", registry=registry
        )
        self.feedback = Counter(
            "tamis_journal_feedback_total",
            "Feedback kept, by whether the prediction was right",
            ["correct"],
            registry=registry,
        )
        self.commit_seconds = Histogram(
            "tamis_journal_commit_seconds",
            "Time to encrypt and commit what waited",
            buckets=COMMIT_SECONDS,
            registry=registry,
        )
        waiting = Gauge("tamis_journal_waiting_rows", "Rows that wait", registry=registry)
        waiting.set_function(waiting_rows)
