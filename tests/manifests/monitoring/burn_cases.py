"""Cases of the eight burn rates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from manifests.monitoring.objectives import seconds
from tests.manifests.monitoring.case import Case, Check, Kind, counter

Pieces = tuple[tuple[float | None, int], ...]
"""(Share of bad requests, intervals); None for no requests at all."""
EACH = 1_000_000
"""Requests in an interval: so many that the shares below are whole numbers of them."""


@dataclass(frozen=True)
class Window:
    """One alert's windows, spelled here a second time."""

    factor: float
    long: str
    short: str
    every: str
    told: str
    gone: str


WINDOWS = (
    Window(14.4, "1h", "5m", "1m", "14.7", "two days"),
    Window(6.0, "6h", "30m", "5m", "6.12", "five days"),
    Window(3.0, "1d", "2h", "30m", "3.06", "ten days"),
    Window(1.0, "3d", "6h", "1h", "1.02", "thirty days"),
)


def _good(pieces: Pieces, each: float) -> str:
    return counter(*((0 if bad is None else each * (1 - bad), count) for bad, count in pieces))


def _bad(pieces: Pieces, each: float) -> str:
    return counter(*((0 if bad is None else each * bad, count) for bad, count in pieces))


def _all(pieces: Pieces, each: float) -> str:
    return counter(*((0 if bad is None else each, count) for bad, count in pieces))


def _requests(pieces: Pieces, each: float) -> dict[str, str]:
    busy = counter((10 * each, sum(count for _, count in pieces)))
    return {
        'tamis_requests_total{route="/classify", status="200"}': _good(pieces, each),
        'tamis_requests_total{route="/classify", status="503"}': _bad(pieces, each),
        # Neither is a call: a probe that is told "not ready", and a scanner.
        'tamis_requests_total{route="/v2/health/ready", status="503"}': busy,
        'tamis_requests_total{route="none", status="404"}': busy,
    }


def _latencies(pieces: Pieces, each: float) -> dict[str, str]:
    steps = sum(count for _, count in pieces)
    route = 'route="/v2/models/{model}/infer"'
    return {
        f"tamis_request_seconds_count{{{route}}}": _all(pieces, each),
        f'tamis_request_seconds_bucket{{{route}, le="0.5"}}': _good(pieces, each),
        f'tamis_request_seconds_bucket{{{route}, le="0.25"}}': counter((0, steps)),
        # Not a prediction.
        'tamis_request_seconds_count{route="/drift"}': counter((each, steps)),
        'tamis_request_seconds_bucket{route="/drift", le="0.5"}': counter((0, steps)),
    }


def _cases(
    name: str,
    budget: float,
    window: Window,
    series: Callable[[Pieces, float], Mapping[str, str]],
    missed: str,
    allowed: str,
) -> Iterator[Case]:
    step = seconds(window.every)
    long, short = seconds(window.long) // step, seconds(window.short) // step
    bad = window.factor * budget
    alert = f"Tamis{name}Burn{window.long}"

    def at(intervals: int) -> str:
        return f"{intervals * step}s"

    def case(kind: Kind, pieces: Pieces, *checks: Check, each: float = EACH) -> Case:
        return Case(alert, kind, series(pieces, each), checks, window.every)

    says = (
        f"Too many requests {missed}: {window.told} times as many as {allowed} allows, over "
        f"{window.long} and {window.short}; at {window.factor:g} the month's budget is gone in "
        f"{window.gone}."
    )
    labels = {"objective": name.lower()}
    end = long + short
    yield case("healthy", ((0.0, end),), Check(at(end)))
    yield case("just below", ((0.98 * bad, end),), Check(at(end)))
    above = Check(at(end), says, labels)
    yield case("just above", ((1.02 * bad, end),), above)
    yield case("resolves", ((1.02 * bad, end), (0.0, short + 1)), above, Check(at(end + short + 1)))
    yield case("short spike", ((0.0, long), (2 * bad, 2 * short)), Check(at(long + 2 * short)))
    yield case("long only", ((3 * bad, end), (0.0, short)), Check(at(end + short)))
    yield case("no traffic", ((None, end),), Check(at(end)))
    stopped = ((2 * bad, long), (None, end))
    yield case("no traffic", stopped, Check(at(end)), Check(at(end + long)))
    yield case("no traffic", ((1.0, end),), Check(at(end)), each=15 / long)
    yield Case(alert, "missing series", {"up": counter((0, end))}, (Check(at(end)),), window.every)


CASES = tuple(
    case
    for window in WINDOWS
    for case in (
        *_cases("Availability", 0.001, window, _requests, "failed", "99.9%"),
        *_cases("Latency", 0.01, window, _latencies, "took longer than 0.5 s", "99.0%"),
    )
)
