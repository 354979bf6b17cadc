"""Is the service there, is it quick, and how near is it to its limits?"""

from __future__ import annotations

from manifests.monitoring.objectives import BURN_RATES, LATENCY_S, OBJECTIVES, Objective
from manifests.monitoring.panel import Dashboard, Panel, Query
from manifests.monitoring.selectors import CALLS, JOB, PREDICTIONS, or_none, share

RATE = "$__rate_interval"


def rate(metric: str, by: str = "", where: str = "") -> str:
    """PromQL of a counter's rate, summed over everything but one label."""
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{{where}}}[{RATE}]))"


def quantile(q: float, metric: str, by: str = "", where: str = "") -> str:
    """PromQL of a histogram's quantile."""
    return (
        f"histogram_quantile({q}, {rate(f'{metric}_bucket', f'{by}, le' if by else 'le', where)})"
    )


def mean(metric: str, by: str = "", where: str = "") -> str:
    """PromQL of a histogram's mean."""
    return f"{rate(f'{metric}_sum', by, where)} / {rate(f'{metric}_count', by, where)}"


def _burn(objective: Objective) -> Panel:
    return Panel(
        f"{objective.name.title()}: burn rate",
        tuple(Query(objective.series("burn", rate.long), rate.long) for rate in BURN_RATES),
        description=(
            f"Times the rate that uses up in 30 days what {objective.target:.1%} allows; "
            + ", ".join(f"{rate.factor:g} over {rate.long}" for rate in BURN_RATES)
            + " raise an alert."
        ),
        bound=BURN_RATES[0].factor,
    )


_FAILED = rate("tamis_requests_total", where=f'{CALLS}, status=~"5.."')
_ANSWERED = rate("tamis_requests_total", where=CALLS)
_CPU = f'rate(process_cpu_seconds_total{{job="{JOB}"}}[{RATE}])'
DASHBOARD = Dashboard(
    "service",
    {
        "Rate and errors": (
            Panel(
                "Requests",
                (Query(rate("tamis_requests_total", "status"), "{{status}}"),),
                "reqps",
                stacked=True,
            ),
            Panel(
                "Share of calls that failed",
                (Query(share(_FAILED, _ANSWERED), "failed"),),
                "percentunit",
                bound=1 - OBJECTIVES[0].target,
            ),
            Panel(
                "Refusals",
                (Query(or_none(rate("tamis_errors_total", "code"), "code"), "{{code}}"),),
                "reqps",
            ),
            *(_burn(objective) for objective in OBJECTIVES),
            Panel(
                "At the door",
                (Query(rate("tamis_auth_decisions_total", "outcome"), "{{outcome}}"),),
                "reqps",
                stacked=True,
            ),
        ),
        "Latency": (
            Panel(
                "Latency of predictions",
                tuple(
                    Query(quantile(q, "tamis_request_seconds", where=PREDICTIONS), f"p{100 * q:g}")
                    for q in (0.5, 0.95, 0.99)
                ),
                "s",
                bound=LATENCY_S,
            ),
            Panel(
                "Where a request's time goes",
                (Query(mean("tamis_phase_seconds", "phase"), "{{phase}}"),),
                "s",
                description="Means. `predict` holds what the predictor takes.",
                stacked=True,
            ),
            Panel(
                "Where the predictor's time goes",
                (Query(mean("tamis_predictor_phase_seconds", "phase"), "{{phase}}"),),
                "s",
                description="Means: tokenise by request, queue by text, infer by batch.",
                stacked=True,
            ),
            Panel(
                "Latencies",
                (Query(rate("tamis_request_seconds_bucket", "le", PREDICTIONS), "{{le}}"),),
                "s",
                "heatmap",
                width=16,
                least=None,
            ),
            Panel(
                "Latency by route, p95",
                (Query(quantile(0.95, "tamis_request_seconds", "route"), "{{route}}"),),
                "s",
            ),
        ),
        "Batches and saturation": (
            Panel(
                "Texts in a batch",
                (
                    Query(mean("tamis_predictor_batch_rows"), "mean"),
                    Query(quantile(0.95, "tamis_predictor_batch_rows"), "p95"),
                ),
            ),
            Panel(
                "Tokens in a batch",
                (
                    Query(mean("tamis_predictor_batch_tokens"), "mean"),
                    Query(quantile(0.95, "tamis_predictor_batch_tokens"), "p95"),
                ),
                description="Padding counted.",
            ),
            Panel(
                "Texts in a request",
                (
                    Query(mean("tamis_request_texts"), "mean"),
                    Query(quantile(0.95, "tamis_request_texts"), "p95"),
                ),
            ),
            Panel(
                "What waits",
                (
                    Query("sum(tamis_requests_in_flight)", "requests under way"),
                    Query("sum(tamis_predictor_queue_texts)", "texts before the predictor"),
                    Query("sum(tamis_journal_waiting_rows)", "rows before the journal"),
                ),
            ),
            Panel(
                "CPU",
                (
                    Query(_CPU, "{{component}} {{instance}}"),
                    Query(rate("tamis_drift_worker_cpu_seconds_total"), "drift worker"),
                ),
                description="Cores.",
            ),
            Panel(
                "Memory",
                (
                    Query(
                        f'process_resident_memory_bytes{{job="{JOB}"}}',
                        "{{component}} {{instance}}",
                    ),
                ),
                "bytes",
            ),
            Panel(
                "Journal: time of a commit",
                (Query(quantile(0.95, "tamis_journal_commit_seconds"), "p95"),),
                "s",
            ),
            Panel(
                "Journal: predictions kept and lost",
                (
                    Query(rate("tamis_journal_predictions_total"), "kept"),
                    Query(rate("tamis_journal_failures_total"), "failed"),
                    Query(rate("tamis_journal_overload_total"), "refused"),
                ),
                "reqps",
            ),
            Panel(
                "Tokens in texts",
                (Query(rate("tamis_predictor_tokens_total"), "tokens"),),
                "cps",
            ),
        ),
        "What serves": (
            Panel(
                "Up",
                (Query(f'sum by (component) (up{{job="{JOB}"}})', "{{component}}"),),
                kind="stat",
                width=6,
            ),
            Panel("Model", (Query("tamis_model_info"),), kind="table", width=12),
            Panel(
                "Certificates",
                (
                    Query(
                        "min by (use) (tamis_certificate_expiry_timestamp_seconds) - time()",
                        "{{use}}",
                    ),
                ),
                "s",
                "stat",
                width=6,
                description="Time left; the process keeps the one that it started with.",
            ),
            Panel(
                "Loading newer models",
                (
                    Query(
                        or_none(rate("tamis_reload_failures_total", "code"), "code"),
                        "failed: {{code}}",
                    ),
                    Query(
                        "time() - max(tamis_reload_success_timestamp_seconds)",
                        "seconds since the newest was in service",
                    ),
                ),
                width=12,
            ),
            Panel(
                "Model by the transformer", (Query("tamis_served_model"),), kind="table", width=12
            ),
        ),
    },
)
