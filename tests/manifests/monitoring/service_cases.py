"""Cases of the alerts on the running service."""

from __future__ import annotations

from collections.abc import Iterator

from tests.manifests.monitoring.case import Case, Check, counter, gauge

DAY = 86_400


def _down(component: str, says: str) -> Iterator[Case]:
    alert = f"Tamis{component.title()}Down"

    def up(number: int) -> str:
        return f'up{{job="tamis", component="{component}", instance="pod-{number}"}}'

    fires = Check("14m", says)
    other = {'up{job="tamis", component="other"}': gauge((1, 30))}
    yield Case(alert, "healthy", {up(1): gauge((1, 20)), up(2): gauge((1, 20))}, (Check("14m"),))
    one = {up(1): gauge((1, 20)), up(2): gauge((0, 20))}
    yield Case(alert, "just below", one, (Check("14m"),))
    short = {up(1): gauge((1, 10), (0, 2), (1, 20))}
    yield Case(alert, "just below", short, (Check("11m"), Check("12m"), Check("14m")))
    both = {up(1): gauge((1, 10), (0, 20)), up(2): gauge((0, 30)), **other}
    yield Case(alert, "just above", both, (Check("11m"), fires))
    back = {up(1): gauge((1, 10), (0, 5), (1, 20))}
    yield Case(alert, "resolves", back, (fires, Check("16m")))
    yield Case(alert, "missing series", other, (fires,))


def _errors() -> Iterator[Case]:
    def series(errors: float, *more: tuple[float, int]) -> dict[str, str]:
        pieces = ((errors, 30), *more)
        return {
            'tamis_requests_total{route="/classify", status="200"}': counter((600, 60)),
            'tamis_errors_total{code="invalid_field"}': counter(*pieces),
            # Those who may not come in, and those who ask for what isn't there.
            'tamis_errors_total{code="unauthenticated"}': counter((600, 60)),
            'tamis_errors_total{code="not_found"}': counter((600, 60)),
        }

    name = "TamisErrorSpike"
    fires = Check("30m", "10.2% of requests end in an error, clients' own mistakes included.")
    yield Case(name, "healthy", series(0), (Check("30m"),))
    yield Case(name, "just below", series(58.8), (Check("30m"),))
    yield Case(name, "just above", series(61.2), (Check("5m"), fires))
    yield Case(name, "resolves", series(61.2, (0, 30)), (fires, Check("36m")))
    idle = {
        'tamis_requests_total{route="/classify", status="422"}': counter((1, 60)),
        'tamis_errors_total{code="invalid_field"}': counter((1, 60)),
    }
    yield Case(name, "no traffic", idle, (Check("30m"),))
    calls = {'tamis_requests_total{route="/classify", status="200"}': counter((600, 60))}
    yield Case(name, "missing series", calls, (Check("30m"),))


def _door() -> Iterator[Case]:
    def outcome(name: str) -> str:
        return f'tamis_auth_decisions_total{{outcome="{name}"}}'

    name = "TamisAuthFailureSpike"
    allowed = {outcome("allowed"): counter((6_000, 60)), outcome("auth_unavailable"): "0+600x60"}
    fires = Check("30m", "1.02 requests a second are turned away at the door.")
    yield Case(name, "healthy", allowed, (Check("30m"),))
    below = {**allowed, outcome("unauthenticated"): counter((58.8, 60))}
    yield Case(name, "just below", below, (Check("30m"),))
    above = {
        outcome("unauthenticated"): counter((30.6, 30), (0, 30)),
        outcome("forbidden"): counter((30.6, 30), (0, 30)),
    }
    yield Case(name, "just above", above, (Check("5m"), fires))
    yield Case(name, "resolves", above, (fires, Check("36m")))

    name = "TamisAuthUnavailable"
    told = Check("20m", "Tokens can't be checked: the issuer's keys can't be had.")
    refused = {outcome("unauthenticated"): counter((6_000, 60)), outcome("allowed"): "0+60x60"}
    yield Case(name, "healthy", refused, (Check("20m"),))
    below = {outcome("auth_unavailable"): counter((0.58, 60))}
    yield Case(name, "just below", below, (Check("20m"),))
    above = {outcome("auth_unavailable"): counter((0.62, 20), (0, 40))}
    yield Case(name, "just above", above, (told,))
    yield Case(name, "resolves", above, (told, Check("26m")))


def _reload() -> Iterator[Case]:
    name = "TamisReloadFailed"
    where = 'instance="pod-1"'
    at = f"tamis_reload_success_timestamp_seconds{{{where}}}"
    failures = f'tamis_reload_failures_total{{{where}, code="unreachable"}}'
    fresh, hour = "0+60x120", counter((2, 60))
    fires = Check(
        "12m",
        "The newest model can't be loaded; the one in service was last known to be the newest "
        "12m 0s ago.",
    )
    yield Case(name, "healthy", {at: fresh, failures: counter((0, 60))}, (Check("30m"),))
    # Where nothing looks for newer models the time stands still, and nothing fails.
    yield Case(name, "healthy", {at: gauge((0, 60))}, (Check("30m"),))
    mended = {at: "0+0x9 600+60x50", failures: counter((2, 9), (0, 50))}
    yield Case(name, "just below", mended, (Check("10m"), Check("11m"), Check("12m")))
    on_the_bound = {at: "-600+60x60", failures: hour}
    yield Case(name, "just below", on_the_bound, (Check("30m"),))
    says = fires.says.replace("12m 0s", "10m 1s")
    yield Case(name, "just above", {**on_the_bound, at: "-601+60x60"}, (Check("30m", says),))
    failing = {at: "0+0x20 1260+60x40", failures: counter((2, 20), (0, 40))}
    yield Case(name, "just above", {at: gauge((0, 60)), failures: hour}, (Check("10m"), fires))
    yield Case(name, "resolves", failing, (fires, Check("22m")))
    elsewhere = {at: gauge((0, 60)), failures.replace("pod-1", "pod-2"): hour}
    yield Case(name, "missing series", elsewhere, (Check("30m"),))


def _certificate() -> Iterator[Case]:
    series = 'tamis_certificate_expiry_timestamp_seconds{use="server", instance="pod-1"}'
    client = 'tamis_certificate_expiry_timestamp_seconds{use="client", instance="pod-1"}'
    labels = {"use": "server"}
    for name, days, waits, told in (
        ("TamisCertificateExpiry", 21, 60, "20d 22h 50m 0s"),
        ("TamisCertificateExpiryNear", 3, 5, "2d 23h 45m 0s"),
    ):
        # Ten minutes after the beginning it is on the bound.
        bound, at = days * DAY + 600, f"{waits + 20}m"
        fires = Check(at, f"The server certificate in use ends in {told}.", labels)
        good = {series: gauge((90 * DAY, 200)), client: gauge((90 * DAY, 200))}
        yield Case(name, "healthy", good, (Check(at),))
        below = {series: gauge((bound + 60 * (waits + 10), 200))}
        yield Case(name, "just below", below, (Check(at),))
        above = {**good, series: gauge((bound, 200))}
        yield Case(name, "just above", above, (Check(f"{waits + 10}m"), fires))
        renewed = {series: gauge((bound, waits + 25), (90 * DAY, 100))}
        yield Case(name, "resolves", renewed, (fires, Check(f"{waits + 26}m")))
        yield Case(name, "missing series", {"up": gauge((1, 200))}, (Check(at),))


CASES = (
    *_down("predictor", "No predictor answers: nobody scores texts."),
    *_down("transformer", "No transformer answers: nobody takes requests."),
    *_errors(),
    *_door(),
    *_reload(),
    *_certificate(),
)
