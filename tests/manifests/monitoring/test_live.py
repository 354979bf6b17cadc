"""The rules and dashboards against the real service, in a real Prometheus and Alertmanager."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client import CollectorRegistry, start_http_server

from manifests.monitoring.dashboards import DASHBOARDS
from manifests.monitoring.definitions import ALERTS, GROUPS
from pipelines.trigger.ledger import Ledger
from pipelines.trigger.metrics import TriggerCollector
from pipelines.trigger.settings import RetrainingSettings
from pipelines.trigger.webhook import read_notification
from serving.local import free_port
from tests.conftest import reviews
from tests.manifests.monitoring.live import Live, exposed, live, metrics_in
from tests.serving.processes import Pair, make_pair, running, wait_until

pytestmark = [pytest.mark.service, pytest.mark.slow]
TOKEN = "a-token-of-the-trigger"
RULES = [series.value for group in GROUPS for series in group.recorded]
RULES += [alert.value for alert in ALERTS]
RULES += [query for alert in ALERTS for query in alert.also.values()]
QUERIES = [
    pytest.param(query.expr.replace("$__rate_interval", "1m"), id=f"{d.name}: {panel.title} {i}")
    for d in DASHBOARDS
    for panel in d.panels
    for i, query in enumerate(panel.queries)
]
SINCE = {"time() - min by (kind) (tamis_drift_since_timestamp_seconds > 0)"}
"""Queries that rightly give nothing while all is well, although their series exist."""
OF_PROMETHEUS = {"up"}


@dataclass(frozen=True)
class Everything:
    """The service after some traffic, a trigger's metrics, and both programs."""

    pair: Pair
    watching: Live
    trigger: str

    def exposition(self) -> str:
        urls = (f"{self.pair.predictor_url}/metrics", self.pair.metrics_url, self.trigger)
        return "\n".join(httpx.get(url, timeout=30, trust_env=False).text for url in urls)


def trigger_metrics(folder: Path) -> CollectorRegistry:
    """A trigger's metrics after a run that was promoted, and a request that was refused."""
    ledger = Ledger(folder / "ledger.db")
    settings = RetrainingSettings()
    assert ledger.request("run-1", "test", ("a",), settings, 10**6, 1e9) is None
    assert ledger.request("run-2", "test", ("b",), settings, 10**6, 1e9) is not None
    run = ledger.run("run-1")
    assert run is not None
    for state in ("prepared", "starting", "started"):
        run = ledger.advance(run, state)  # type: ignore[arg-type]
    summary = {
        "stages": {"ingest": 1.5},
        "rows": {"train": 100},
        "rejected": {"empty": 1},
        "accuracy": {"logistic": 0.8},
    }
    ledger.end(run, "promoted", "promoted", "Better.", summary, 1e9 + 60)
    registry = CollectorRegistry()
    registry.register(TriggerCollector(ledger, lambda: 7))
    return registry


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Iterator[Everything]:
    folder = tmp_path_factory.mktemp("monitored")
    # Findings after seconds: fewer rows, and more of a core.
    drift = {"detectors": "own", "minimum_rows": 20, "every_rows": 20, "every_s": 0.5}
    drift |= {"cpu_share": 1.0, "permutations": 99}
    port = free_port()
    server, thread = start_http_server(port, "127.0.0.1", trigger_metrics(folder))
    try:
        with running(make_pair(bundle, folder / "pair", {"drift": drift})) as pair:
            targets = {
                "predictor": urlsplit(pair.predictor_url).netloc,
                "transformer": urlsplit(pair.metrics_url).netloc,
                "retrain": f"127.0.0.1:{port}",
            }
            with live(folder, targets, TOKEN) as watching:
                made = Everything(pair, watching, f"http://127.0.0.1:{port}/metrics")
                traffic(made)
                yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def unseen(seed: int, number: int) -> list[str]:
    """Texts like those that the bundle was trained on, and none of them; in no order of labels."""
    known = {text for text, _ in reviews(each=300)}
    texts = [text for text, _ in reviews(each=2_000) if text not in known]
    return random.Random(seed).sample(texts, number)


def traffic(everything: Everything) -> None:
    """A little of everything, twice, so that counters have rates."""
    pair, watching = everything.pair, everything.watching
    for seed in (1, 2):
        texts = unseen(seed, 80)
        with pair.client() as client:
            for start in range(0, len(texts), 4):
                body = {"texts": texts[start : start + 4]}
                (row, *_) = client.post("/classify", json=body).json()
                other = "positive" if row["label"] == "negative" else "negative"
                client.post("/feedback", json={"id": row["id"], "label": row["label"]})
                client.post("/feedback", json={"id": row["id"], "label": other})  # 409
            client.post("/classify", json={"texts": "no list"})
            tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["fine"]}
            client.post("/v2/models/tamis/infer", json={"inputs": [tensor]})
            client.get("/nowhere")
        httpx.post(f"{pair.url}/classify", json={"texts": ["x"]}, trust_env=False)
        settle(watching)


def settle(watching: Live) -> None:
    """Wait until Prometheus has scraped each target twice more."""

    def scrapes() -> list[str]:
        targets = watching.ask("targets")["activeTargets"]
        return [target["lastScrape"] for target in targets if target["health"] == "up"]

    for _ in range(2):
        before = scrapes()
        wait_until(
            lambda before=before: len(now := scrapes()) == 3 and not set(before) & set(now),  # type: ignore[misc]
            "three targets scraped anew",
            30,
        )


def test_every_metric_of_a_rule_or_a_panel_exists(everything: Everything) -> None:
    queries = [query.expr for d in DASHBOARDS for panel in d.panels for query in panel.queries]
    wanted = metrics_in([*RULES, *queries]) - OF_PROMETHEUS
    assert len(wanted) > 50
    assert sorted(wanted - exposed(everything.exposition())) == []


def test_every_recorded_series_that_is_read_is_recorded() -> None:
    queries = [query.expr for d in DASHBOARDS for panel in d.panels for query in panel.queries]
    recorded = {series.name for group in GROUPS for series in group.recorded}
    read = set(re.findall(r"tamis:\w+:\w+", " ".join([*RULES, *queries])))
    assert read == recorded


def test_prometheus_evaluates_every_rule(everything: Everything) -> None:
    def rules() -> list[tuple[str, str, str]]:
        groups = everything.watching.ask("rules")["groups"]
        return [
            (r["name"], r["health"], r.get("lastError", "")) for g in groups for r in g["rules"]
        ]

    wait_until(lambda: all(health != "unknown" for _, health, _ in rules()), "every rule", 30)
    assert len(rules()) == sum(len(g.recorded) + len(g.alerts) for g in GROUPS)
    assert [rule for rule in rules() if rule[1] != "ok"] == []


@pytest.fixture(scope="module")
def findings(everything: Everything) -> Everything:
    """Once drift has been scored."""
    watching = everything.watching
    wait_until(lambda: bool(watching.query("tamis_drift_score")), "a finding on drift", 120)
    return everything


@pytest.mark.parametrize("query", QUERIES)
def test_a_panel_shows_something_where_its_series_exist(query: str, findings: Everything) -> None:
    watching = findings.watching
    found = watching.query(query)
    missing = [m for m in metrics_in([query]) if not watching.query(f"count({m})")]
    if not missing and query not in SINCE:
        assert found, query
    # What has no series yet is told by name, so that a typing error can't hide here.
    assert set(missing) <= QUIET, query


QUIET = {
    "tamis_certificate_expiry_timestamp_seconds",  # without TLS
    "tamis_reload_failures_total",  # no attempt has failed
    "tamis_drift_dropped_total",  # nothing was dropped
}


def test_all_is_quiet(everything: Everything) -> None:
    """In haste the few errors above are a spike; what drift says of so few texts is its own."""
    firing = {name for name in everything.watching.firing() if "Drift" not in name}
    assert firing <= {"TamisErrorSpike", "TamisRetrainStale"}


def test_wrong_predictions_reach_the_trigger_with_its_token(everything: Everything) -> None:
    """Feedback that says "wrong" seventy times; then the webhook hears of it, once, by name."""
    pair, watching = everything.pair, everything.watching
    received = watching.received
    with pair.client() as client:
        for text in unseen(3, 80):
            (row,) = client.post("/classify", json={"texts": [text]}).json()
            other = "positive" if row["label"] == "negative" else "negative"
            given = client.post("/feedback", json={"id": row["id"], "label": other})
            assert given.status_code < 300
    name = "TamisFeedbackAccuracyLow"
    wait_until(lambda: (name, "firing") in received.alerts(), "the webhook", 60)
    assert set(received.tokens) == {f"Bearer {TOKEN}"}
    alerts = [alert for told in received.notifications for alert in told["alerts"]]
    assert {alert["labels"]["retrain"] for alert in alerts} == {"true"}
    (one,) = {a["annotations"]["summary"] for a in alerts if a["labels"]["alertname"] == name}
    assert one.startswith("Feedback of six hours says that ")
    read = [alert for body in received.bodies for alert in read_notification(body)]
    assert (name, "concept") in {(alert.name, alert.kind) for alert in read}
    assert watching.routed()[name] == ["people", "tamis-retrain"]


def test_a_predictor_that_dies_is_noticed_and_its_return_too(everything: Everything) -> None:
    pair, watching = everything.pair, everything.watching
    name = "TamisPredictorDown"
    pair.predictor.kill()
    wait_until(lambda: name in watching.firing(), "an alert", 60)
    assert watching.firing()[name] == "No predictor answers: nobody scores texts."
    wait_until(lambda: watching.routed().get(name) == ["people"], "its route", 60)
    assert name not in dict(watching.received.alerts())
    with pair.client() as client:

        def burns() -> bool:
            assert client.post("/classify", json={"texts": ["x"]}).status_code == 503
            return "TamisAvailabilityBurn1h" in watching.firing()

        wait_until(burns, "failures that use the month's budget up", 60)
    pair.start_predictor()
    wait_until(lambda: name not in watching.firing(), "its end", 60)
