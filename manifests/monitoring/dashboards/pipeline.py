"""What did retraining do, what was decided, and from which data?"""

from __future__ import annotations

from manifests.monitoring.panel import Dashboard, Panel, Query
from manifests.monitoring.pipeline import STALE_DAYS

_DAY = "[1d]"
DASHBOARD = Dashboard(
    "pipeline",
    {
        "Runs": (
            Panel(
                "Runs of a day",
                (
                    Query(
                        f"sum by (outcome) (increase(tamis_retrain_runs_total{_DAY}))",
                        "{{outcome}}",
                    ),
                ),
                description="Promoted, refused by the gate, failed.",
                stacked=True,
            ),
            Panel(
                "Requests of a day that started none",
                (
                    Query(
                        f"sum by (reason) (increase(tamis_retrain_refusals_total{_DAY}))",
                        "{{reason}}",
                    ),
                ),
                stacked=True,
            ),
            Panel(
                "Running",
                (Query("max(tamis_retrain_running)", "running"),),
                kind="stat",
                width=4,
            ),
            Panel(
                "Last decision",
                (
                    Query(
                        "time() - max(tamis_retrain_last_success_timestamp_seconds > 0)",
                        "ago",
                    ),
                ),
                "s",
                "stat",
                width=4,
                bound=STALE_DAYS * 86_400,
            ),
            Panel(
                "Time by stage",
                (Query("max by (stage) (tamis_pipeline_stage_seconds)", "{{stage}}"),),
                "s",
                description="Of the last run.",
                stacked=True,
            ),
            Panel(
                "The gate's decisions",
                (Query("sum by (decision) (tamis_gate_decisions_total)", "{{decision}}"),),
            ),
            Panel(
                "Accuracy by architecture",
                (Query("max by (architecture) (tamis_pipeline_accuracy)", "{{architecture}}"),),
                "percentunit",
                description="Of the last run, on its test set.",
                most=1,
            ),
        ),
        "Data": (
            Panel("Rows", (Query("max(tamis_pipeline_rows)", "rows"),), width=8),
            Panel(
                "Rows rejected",
                (Query("max by (reason) (tamis_pipeline_rejected_rows)", "{{reason}}"),),
                stacked=True,
            ),
            Panel(
                "Fresh labels",
                (Query("max(tamis_retrain_fresh_labels)", "labels"),),
                description="Feedback that no run has seen.",
            ),
        ),
    },
)
