"""Cases of the alerts on retraining."""

from __future__ import annotations

from collections.abc import Iterator

from tests.manifests.monitoring.case import Case, Check, gauge

FAILED = 'tamis_retrain_runs_total{outcome="failed", instance="trigger"}'
REFUSED = 'tamis_retrain_runs_total{outcome="refused", instance="trigger"}'
LAST = "tamis_retrain_last_success_timestamp_seconds"
DAYS = 14


def _failed() -> Iterator[Case]:
    name, every = "TamisRetrainFailed", "5m"
    fires = Check("70m", "A retraining ended without a decision in the last day.")

    def case(kind, series, *checks):  # type: ignore[no-untyped-def]
        return Case(name, kind, series, checks, every)

    yield case("healthy", {REFUSED: "0+1x400", FAILED: gauge((0, 400))}, Check("70m"))
    yield case("healthy", {REFUSED: "0+1x400"}, Check("70m"))
    old = {FAILED: gauge((3, 400))}
    yield case("just below", old, Check("1500m"))
    first = {FAILED: gauge(("_", 12), (1, 400))}
    yield case("just above", first, Check("55m"), fires)
    counted = {FAILED: gauge((0, 12), (1, 400))}
    yield case("just above", counted, Check("55m"), fires)
    again = {FAILED: gauge((2, 300), (3, 100))}
    later = Check("1510m", fires.says)
    yield case("just above", again, Check("1495m"), later)
    restarted = {FAILED: gauge((2, 300), (0, 2), (1, 98))}
    yield case("just above", restarted, Check("1495m"), Check("1520m", fires.says))
    yield case("resolves", counted, fires, Check("1505m"))
    yield case("resolves", first, fires, Check("1505m"))


def _stale() -> Iterator[Case]:
    name, every, hours = "TamisRetrainStale", "1h", DAYS * 24

    def case(kind, values, *checks):  # type: ignore[no-untyped-def]
        return Case(name, kind, {LAST: values}, checks, every)

    fires = Check(f"{hours + 3}h", "No retraining has come to a decision for 14d 2h 0m 0s.")
    hour = 3_600
    yield case("healthy", "3600+86400x20", Check("20h"))
    # None has ever run.
    yield case("healthy", gauge((0, hours + 10)), Check(f"{hours + 5}h"))
    yield case("just below", gauge((2 * hour, hours + 10)), Check(f"{hours + 2}h"))
    yield case("just above", gauge((hour, hours + 10)), Check(f"{hours + 1}h"), fires)
    decided = gauge((hour, hours + 5), ((hours + 4) * hour, 5))
    yield case("resolves", decided, fires, Check(f"{hours + 5}h"))


CASES = (*_failed(), *_stale())
