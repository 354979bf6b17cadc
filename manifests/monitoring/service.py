"""Alerts on the running service that are not about its objectives."""

from __future__ import annotations

from manifests.monitoring.alert import Alert, Group
from manifests.monitoring.objectives import OBJECTIVES
from manifests.monitoring.selectors import JOB, REFUSED_AT_THE_DOOR, share

DAY_S = 86_400
NOWHERE = "not_found|wrong_method"
"""Codes of requests to addresses that we don't serve: scanners', and not among the calls."""
NOT_THEIR_FAULT = "allowed|auth_unavailable"
"""Outcomes at the door that tell nothing about who came."""


def _down(component: str, does: str) -> Alert:
    return Alert(
        name=f"Tamis{component.title()}Down",
        # Scraped and dead, or not even found: both are nobody there.
        value=f'sum(up{{job="{JOB}", component="{component}"}}) or vector(0)',
        operator="<",
        threshold=1,
        wait="2m",
        severity="page",
        summary=f"No {component} answers: nobody {does}.",
        runbook="service",
    )


_ALL = OBJECTIVES[0].series("all", "5m")
_OURS = f'code!~"{REFUSED_AT_THE_DOOR}", code!~"{NOWHERE}"'
_REFUSED = f"sum(rate(tamis_errors_total{{{_OURS}}}[5m]))"
_EXPIRY = "min by (use) (tamis_certificate_expiry_timestamp_seconds) - time()"
GROUP = Group(
    "tamis-service",
    (),
    (
        _down("predictor", "scores texts"),
        _down("transformer", "takes requests"),
        Alert(
            name="TamisErrorSpike",
            value=f"({share(_REFUSED, _ALL)}) and on () ({_ALL} > 0.1)",
            operator=">",
            threshold=0.1,
            wait="5m",
            severity="ticket",
            summary="{value:percent} of requests end in an error, clients' own mistakes included.",
            runbook="service",
        ),
        Alert(
            name="TamisAuthFailureSpike",
            value=f'sum(rate(tamis_auth_decisions_total{{outcome!~"{NOT_THEIR_FAULT}"}}[5m]))',
            operator=">",
            threshold=1,
            wait="5m",
            severity="ticket",
            summary="{value:number} requests a second are turned away at the door.",
            runbook="service",
        ),
        Alert(
            name="TamisAuthUnavailable",
            value='sum(rate(tamis_auth_decisions_total{outcome="auth_unavailable"}[5m]))',
            operator=">",
            threshold=0.01,
            wait="2m",
            severity="page",
            summary="Tokens can't be checked: the issuer's keys can't be had.",
            runbook="service",
        ),
        Alert(
            name="TamisReloadFailed",
            # A failure that the next try mends is nobody's business.
            value=(
                "max((time() - tamis_reload_success_timestamp_seconds) and on (instance)"
                " (sum by (instance) (increase(tamis_reload_failures_total[1h])) > 0))"
            ),
            operator=">",
            threshold=600,
            wait="1m",
            severity="ticket",
            summary=(
                "The newest model can't be loaded; the one in service was last known to be the "
                "newest {value:duration} ago."
            ),
            runbook="service",
        ),
        Alert(
            name="TamisCertificateExpiry",
            value=_EXPIRY,
            operator="<",
            threshold=21 * DAY_S,
            wait="1h",
            severity="ticket",
            summary="The {label.use} certificate in use ends in {value:duration}.",
            runbook="service",
        ),
        Alert(
            name="TamisCertificateExpiryNear",
            value=_EXPIRY,
            operator="<",
            threshold=3 * DAY_S,
            wait="5m",
            severity="page",
            summary="The {label.use} certificate in use ends in {value:duration}.",
            runbook="service",
        ),
    ),
)
