"""Alerts on retraining."""

from __future__ import annotations

from manifests.monitoring.alert import Alert, Group

STALE_DAYS = 14
"""Two runs of a weekly schedule."""
_FAILED = 'tamis_retrain_runs_total{outcome="failed"}'
GROUP = Group(
    "tamis-pipeline",
    (),
    (
        Alert(
            name="TamisRetrainFailed",
            # A series that begins at 1 has no increase: one that is new counts as a whole.
            value=(
                f"sum(increase({_FAILED}[1d]))"
                f" + (sum({_FAILED} unless {_FAILED} offset 1d) or vector(0))"
            ),
            operator=">",
            threshold=0.5,
            wait="1m",
            severity="ticket",
            summary="A retraining ended without a decision in the last day.",
            runbook="pipeline",
        ),
        Alert(
            name="TamisRetrainStale",
            value="time() - max(tamis_retrain_last_success_timestamp_seconds > 0)",
            operator=">",
            threshold=STALE_DAYS * 86_400,
            wait="1h",
            severity="ticket",
            summary="No retraining has come to a decision for {value:duration}.",
            runbook="pipeline",
        ),
    ),
)
