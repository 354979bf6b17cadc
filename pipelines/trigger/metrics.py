"""What Prometheus sees of retrainings, read from the ledger so that counters survive a restart."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from components.contract.errors import TamisError
from pipelines.trigger.ledger import OUTCOMES, Ledger
from pipelines.trigger.rules import REASONS

DECISIONS = ("promoted", "refused", "unchanged")
LABELS_S = 30.0
"""Fresh labels are counted at most so often: the journal may be a database far away."""


class TriggerCollector(Collector):
    """Metrics of the trigger and of the last pipeline run.

    Args:
        ledger: The state.
        fresh_labels: Counts the fresh labels; a `TamisError` leaves the gauge out.
    """

    def __init__(self, ledger: Ledger, fresh_labels: Callable[[], int]) -> None:
        self._ledger, self._fresh_labels = ledger, fresh_labels
        self._counted: tuple[float, int | None] = (-LABELS_S, None)

    def describe(self) -> list[Metric]:
        """Nothing: so registering reads nothing."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The metrics of now."""
        counts, last = self._ledger.counts(), self._ledger.last_decided()
        yield _counter("retrain_runs", "Retrainings", "outcome", OUTCOMES, counts.outcomes)
        yield _counter(
            "retrain_refusals", "Requests that started none", "reason", REASONS, counts.refusals
        )
        yield _counter(
            "gate_decisions", "What the gate said", "decision", DECISIONS, counts.decisions
        )
        running = float(self._ledger.unfinished() is not None)
        yield GaugeMetricFamily("tamis_retrain_running", "1 while a run goes on", running)
        if last is not None:
            yield GaugeMetricFamily(
                "tamis_retrain_last_success_timestamp_seconds",
                "When the last run ended in a decision",
                last.ended,
            )
        labels = self._labels()
        if labels is not None:
            yield GaugeMetricFamily(
                "tamis_retrain_fresh_labels", "Labels since the last decided run", labels
            )
        yield from _of_pipeline(self._ledger)

    def _labels(self) -> int | None:
        when, number = self._counted
        if time.monotonic() - when >= LABELS_S:
            try:
                number = self._fresh_labels()
            except TamisError:
                number = None
            self._counted = time.monotonic(), number
        return number


def _of_pipeline(ledger: Ledger) -> Iterator[Metric]:
    summary = ledger.last_summary()
    for name, help_, label, key in (
        ("stage_seconds", "Wall time of the last run's stages", "stage", "stages"),
        ("rejected_rows", "Rows that the last run rejected", "reason", "rejected"),
        ("accuracy", "On the last run's test rows", "architecture", "accuracy"),
    ):
        family = GaugeMetricFamily(f"tamis_pipeline_{name}", help_, labels=[label])
        for value, number in summary.get(key, {}).items():
            family.add_metric([value], number)
        yield family
    if rows := summary.get("rows"):
        yield GaugeMetricFamily("tamis_pipeline_rows", "Rows of the last run", sum(rows.values()))


def _counter(
    name: str, help_: str, label: str, known: tuple[str, ...], counts: Mapping[str, int]
) -> Metric:
    """A counter with every value that its label can take, zeros too: a rate needs both ends."""
    family = CounterMetricFamily(f"tamis_{name}", help_, labels=[label])
    for value in known:
        family.add_metric([value], counts.get(value, 0))
    return family
