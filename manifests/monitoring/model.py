"""Alerts on what the model says and what it is asked; those that may start a retraining."""

from __future__ import annotations

from manifests.monitoring.alert import Alert, Group
from manifests.monitoring.selectors import share

ACCURACY_FLOOR = 0.7
"""Of feedback: below what each architecture reaches on its test rows (76 % and more in the README's
table), and above a coin."""
LEAST_FEEDBACK = 50
"""Labels in the window: with fewer, one standard error is above 6 points."""
STALE_S = 900
"""The scorer tests every ten seconds (`drift.every_s`), and rests as `drift.cpu_share` asks."""

LEAST_ROWS = 100
"""`drift.minimum_rows`: with fewer no finding is due. alibi-detect may take a quarter of an hour to
start, and the alert waits longer."""


def _drift(kind: str, what: str) -> Alert:
    return Alert(
        name=f"Tamis{kind.title()}Drift",
        value=f'max(tamis_drift_active{{kind="{kind}"}})',
        operator=">",
        threshold=0.5,
        wait="1m",
        severity="ticket",
        summary=(
            f"{what} since {{since:time}} (largest gap {{size:percent}}, evidence "
            f"10^{{evidence:number}}); GET /drift shows what moved most."
        ),
        runbook="model",
        keep="15m",
        labels={"retrain": "true", "kind": kind},
        also={
            "since": f'min(tamis_drift_since_timestamp_seconds{{kind="{kind}"}} > 0)',
            "size": f'max(tamis_drift_size{{kind="{kind}"}})',
            "evidence": f'max(tamis_drift_evidence{{kind="{kind}"}})',
        },
    )


_RIGHT = 'sum(increase(tamis_feedback_total{right="true"}[6h]))'
_ALL = "sum(increase(tamis_feedback_total[6h]))"
_BUSY = "sum by (instance) (rate(tamis_predictions_total[10m])) > 0.1"
GROUP = Group(
    "tamis-model",
    (),
    (
        _drift("input", "Texts differ from those that the model was trained on"),
        _drift("prediction", "The model's answers differ from those on its training data"),
        _drift("concept", "The model errs more often than it did"),
        Alert(
            name="TamisFeedbackAccuracyLow",
            value=f"({share(_RIGHT, _ALL)}) and on () ({_ALL} >= {LEAST_FEEDBACK})",
            operator="<",
            threshold=ACCURACY_FLOOR,
            wait="5m",
            severity="ticket",
            summary=(
                "Feedback of six hours says that {value:percent} of predictions are right; "
                f"the floor is {ACCURACY_FLOOR:.0%}."
            ),
            runbook="model",
            keep="15m",
            labels={"retrain": "true", "kind": "concept"},
        ),
        Alert(
            name="TamisDriftScorerStale",
            # Where no texts come in there is nothing to score, and no finding is due.
            value=f"max(tamis_drift_age_seconds and on (instance) ({_BUSY}))",
            operator=">",
            threshold=STALE_S,
            wait="5m",
            severity="ticket",
            summary="Drift was last scored {value:duration} ago, though texts come in.",
            runbook="model",
        ),
        Alert(
            name="TamisDriftNeverScored",
            # The age is NaN before the first finding, and only NaN differs from itself.
            value=(
                "max(tamis_drift_window_rows and on (instance)"
                " (tamis_drift_age_seconds != tamis_drift_age_seconds))"
            ),
            operator=">",
            threshold=LEAST_ROWS,
            wait="20m",
            severity="ticket",
            summary="Drift has never been scored, though {value:number} texts have come in.",
            runbook="model",
        ),
    ),
)
