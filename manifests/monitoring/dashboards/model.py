"""What is the model asked, what does it say, and is it still right?"""

from __future__ import annotations

from manifests.monitoring.dashboards.service import mean, rate
from manifests.monitoring.model import ACCURACY_FLOOR
from manifests.monitoring.panel import Dashboard, Panel, Query
from manifests.monitoring.selectors import or_none, share

_RIGHT = 'sum(increase(tamis_feedback_total{right="true"}[6h]))'
_JUDGED = "sum(increase(tamis_feedback_total[6h]))"
_EVERY = rate("tamis_predictions_total")
DASHBOARD = Dashboard(
    "model",
    {
        "Answers": (
            Panel(
                "Predicted labels",
                (
                    Query(
                        f"{rate('tamis_predictions_total', 'label')} / on () group_left {_EVERY}",
                        "{{label}}",
                    ),
                ),
                "percentunit",
                stacked=True,
                most=1,
            ),
            Panel(
                "Confidence",
                (Query(mean("tamis_prediction_confidence"), "mean"),),
                "percentunit",
                description="The calibrated probability of the predicted label.",
                most=1,
            ),
            Panel(
                "Confidence by bucket",
                (Query(rate("tamis_prediction_confidence_bucket", "le"), "{{le}}"),),
                "percentunit",
                "heatmap",
                least=None,
            ),
            Panel("Texts", (Query(_EVERY, "texts"),), "cps"),
            Panel(
                "Texts that were cut",
                (Query(share(rate("tamis_truncated_texts_total"), _EVERY), "cut"),),
                "percentunit",
                most=1,
            ),
            Panel(
                "Cut by the predictor",
                (Query(rate("tamis_predictor_truncated_texts_total"), "texts"),),
                "cps",
            ),
        ),
        "Drift": (
            Panel(
                "Drift that is held to be there",
                (Query("max by (kind) (tamis_drift_active)", "{{kind}}"),),
                kind="stat",
                bound=0.5,
            ),
            Panel(
                "Evidence",
                (Query("max by (kind) (tamis_drift_evidence)", "{{kind}}"),),
                description="Of the sequential test: 2 means a hundred to one against no drift.",
                least=None,
            ),
            Panel(
                "How large",
                (Query("max by (kind) (tamis_drift_size)", "{{kind}}"),),
                description="The largest gap of a watched distribution, 0 to 1.",
                most=1,
            ),
            Panel(
                "For how long",
                (
                    Query(
                        "time() - min by (kind) (tamis_drift_since_timestamp_seconds > 0)",
                        "{{kind}}",
                    ),
                ),
                "s",
                "stat",
            ),
            Panel(
                "Scores, in thresholds",
                (
                    Query(
                        "max by (detector) (tamis_drift_score / tamis_drift_threshold)",
                        "{{detector}}",
                    ),
                ),
                description="Each detector's score over its own threshold.",
                bound=1,
                least=None,
            ),
            Panel(
                "Scores",
                (
                    Query("max by (detector) (tamis_drift_score)", "{{detector}}"),
                    Query("max by (detector) (tamis_drift_threshold)", "{{detector}}: threshold"),
                ),
                least=None,
            ),
            Panel(
                "p-values",
                (Query("min by (detector) (tamis_drift_p_value)", "{{detector}}"),),
                description="Of one window.",
                most=1,
            ),
            Panel(
                "Significant for a while",
                (Query("max by (detector) (tamis_drift_detected)", "{{detector}}"),),
                most=1,
            ),
            Panel(
                "The scorer",
                (
                    Query("max(tamis_drift_age_seconds)", "age of the newest finding"),
                    Query("max(tamis_drift_window_rows)", "rows in the window"),
                ),
            ),
            Panel(
                "Not looked at",
                (
                    Query(
                        or_none(rate("tamis_drift_dropped_total", "reason"), "reason"),
                        "{{reason}}",
                    ),
                    Query(rate("tamis_drift_worker_restarts_total"), "worker started again"),
                ),
            ),
        ),
        "Is it right?": (
            Panel(
                "Right, by feedback",
                (Query(share(_RIGHT, _JUDGED), "six hours"), Query(str(ACCURACY_FLOOR), "floor")),
                "percentunit",
                most=1,
            ),
            Panel(
                "Right, by an estimate without labels",
                (
                    Query("max(tamis_estimated_accuracy)", "estimate"),
                    Query("min(tamis_estimated_accuracy_lower)", "90 %: lower end"),
                    Query("max(tamis_estimated_accuracy_upper)", "90 %: upper end"),
                ),
                "percentunit",
                description="From calibrated confidence: it errs where calibration has drifted.",
                most=1,
            ),
            Panel(
                "Feedback",
                (
                    Query(rate("tamis_feedback_total", "right"), "right: {{right}}"),
                    Query(rate("tamis_journal_feedback_total", "correct"), "kept: {{correct}}"),
                ),
                "cps",
            ),
        ),
    },
)
