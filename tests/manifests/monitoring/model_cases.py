"""Cases of the alerts that may start a retraining, and of what watches over them."""

from __future__ import annotations

from collections.abc import Iterator

from tests.manifests.monitoring.case import Case, Check, counter, gauge

SENTENCES = {
    "input": "Texts differ from those that the model was trained on",
    "prediction": "The model's answers differ from those on its training data",
    "concept": "The model errs more often than it did",
}
OTHER = {"input": "prediction", "prediction": "concept", "concept": "input"}


def _drift(kind: str) -> Iterator[Case]:
    name = f"Tamis{kind.title()}Drift"

    def series(*pieces: tuple[float | str, int]) -> dict[str, str]:
        where = f'kind="{kind}", instance="pod-1"'
        return {
            f"tamis_drift_active{{{where}}}": gauge(*pieces),
            f"tamis_drift_since_timestamp_seconds{{{where}}}": gauge((0, 5), (300, 60)),
            f"tamis_drift_evidence{{{where}}}": gauge((0.5, 5), (3.25, 60)),
            f"tamis_drift_size{{{where}}}": gauge((0.02, 5), (0.375, 60)),
            f'tamis_drift_active{{kind="{kind}", instance="pod-2"}}': gauge((0, 60)),
            f'tamis_drift_active{{kind="{OTHER[kind]}", instance="pod-1"}}': gauge((1, 60)),
        }

    labels = {"retrain": "true", "kind": kind}
    says = (
        f"{SENTENCES[kind]} since 1970-01-01 00:05:00 +0000 UTC (largest gap 37.5%, evidence "
        "10^3.25); GET /drift shows what moved most."
    )

    def fires(at: str) -> Check:
        return Check(at, says, labels)

    yield Case(name, "healthy", series((0, 60)), (Check("30m"),))
    moment = series((0, 5), (1, 1), (0, 54))
    yield Case(name, "just below", moment, (Check("5m"), Check("6m"), Check("7m")))
    yield Case(name, "just above", series((0, 5), (1, 55)), (Check("5m"), fires("6m")))
    over = series((0, 5), (1, 15), (0, 40))
    yield Case(name, "resolves", over, (fires("19m"), fires("34m"), Check("36m")))
    flaps = series((0, 5), (1, 5), (0, 10), (1, 1), (0, 10), (1, 1), (0, 28))
    yield Case(
        name, "hysteresis", flaps, tuple(fires(f"{m}m") for m in (9, 12, 19, 20, 25, 30, 40))
    )
    gone = series((0, 5), ("_", 55))
    yield Case(name, "missing series", gone, (Check("30m"),))
    bare = {key: value for key, value in series((0, 5), (1, 55)).items() if "active" in key}
    unknown = (
        f"{SENTENCES[kind]} since unknown (largest gap unknown, evidence 10^unknown); "
        "GET /drift shows what moved most."
    )
    yield Case(name, "missing series", bare, (Check("10m", unknown, labels),))


def _feedback() -> Iterator[Case]:
    name, hours = "TamisFeedbackAccuracyLow", 80

    def series(*pieces: tuple[float, int], each: float = 10) -> dict[str, str]:
        """Shares of right feedback, in intervals of five minutes."""
        return {
            f'tamis_feedback_total{{right="{word}"}}': counter(
                *((each * (share if word == "true" else 1 - share), n) for share, n in pieces)
            )
            for word in ("true", "false")
        }

    def case(kind, given, *checks):  # type: ignore[no-untyped-def]
        return Case(name, kind, given, checks, every="5m")

    labels = {"retrain": "true", "kind": "concept"}
    fires = Check(
        "400m",
        "Feedback of six hours says that 69% of predictions are right; the floor is 70%.",
        labels,
    )
    yield case("healthy", series((0.9, hours)), Check("400m"))
    yield case("just below", series((0.71, hours)), Check("400m"))
    yield case("just above", series((0.69, hours)), fires)
    # 49 labels, all wrong.
    yield case("no traffic", series((0.0, hours), each=49 / 72), Check("400m"))
    yield case("missing series", {"up": gauge((1, hours))}, Check("400m"))
    only_wrong = {'tamis_feedback_total{right="false"}': counter((10, hours))}
    says = "Feedback of six hours says that 0% of predictions are right; the floor is 70%."
    yield case("missing series", only_wrong, Check("400m", says, labels))
    better = series((0.69, hours), (1.0, 20))
    kept = Check("425m", fires.says.replace("69%", "69.86%"), labels)
    yield case("resolves", better, fires, kept, Check("435m"))


def _stale() -> Iterator[Case]:
    name = "TamisDriftScorerStale"

    def series(age: str, rate: float, where: str = "pod-1") -> dict[str, str]:
        return {
            'tamis_drift_age_seconds{instance="pod-1"}': age,
            f'tamis_predictions_total{{instance="{where}", label="positive"}}': counter((rate, 60)),
        }

    fires = Check("22m", "Drift was last scored 22m 0s ago, though texts come in.")
    yield Case(name, "healthy", series(gauge((10, 60)), 60), (Check("40m"),))
    yield Case(name, "healthy", series(gauge(("NaN", 60)), 60), (Check("40m"),))
    yield Case(name, "just below", series(gauge((900, 60)), 60), (Check("40m"),))
    yield Case(name, "just above", series("0+60x60", 60), (Check("20m"), fires))
    says = fires.says.replace("22m 0s", "15m 1s")
    yield Case(name, "just above", series(gauge((901, 60)), 60), (Check("40m", says),))
    yield Case(name, "resolves", series("0+60x25 5+0x30", 60), (fires, Check("27m")))
    yield Case(name, "no traffic", series("0+60x60", 5), (Check("40m"),))
    yield Case(name, "no traffic", series("0+60x60", 60, "pod-2"), (Check("40m"),))


def _never() -> Iterator[Case]:
    name = "TamisDriftNeverScored"

    def series(rows: str, age: str) -> dict[str, str]:
        where = 'instance="pod-1"'
        return {
            f"tamis_drift_window_rows{{{where}}}": rows,
            f"tamis_drift_age_seconds{{{where}}}": age,
            'tamis_drift_window_rows{instance="pod-2"}': gauge((500, 60)),
            'tamis_drift_age_seconds{instance="pod-2"}': gauge((10, 60)),
        }

    blind = gauge(("NaN", 60))
    fires = Check("30m", "Drift has never been scored, though 104 texts have come in.")
    yield Case(name, "healthy", series(gauge((500, 60)), gauge((10, 60))), (Check("40m"),))
    yield Case(name, "just below", series(gauge((98, 60)), blind), (Check("40m"),))
    yield Case(name, "just below", series(gauge((100, 60)), blind), (Check("40m"),))
    above = series(gauge((104, 60)), blind)
    yield Case(name, "just above", above, (Check("19m"), fires))
    late = series(gauge((104, 60)), gauge(("NaN", 35), (5, 20)))
    yield Case(name, "resolves", late, (fires, Check("36m")))
    yield Case(name, "missing series", {"up": gauge((1, 60))}, (Check("40m"),))


CASES = (*(case for kind in SENTENCES for case in _drift(kind)), *_feedback(), *_stale(), *_never())
