"""What Prometheus sees: the names that alerts are written for, and never more series than that."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.serving.processes import Pair

SERIES = 100
Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]


def samples(pair: Pair) -> Samples:
    """Metric name -> label set (without a histogram's `le`) -> its last value."""
    found: Samples = defaultdict(dict)
    for family in text_string_to_metric_families(pair.metrics()):
        for sample in family.samples:
            labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
            found[sample.name][labels] = sample.value
    return found


@pytest.fixture(scope="module")
def busy(pair: Pair) -> Pair:
    """The service after 2,000 requests that try to be all different."""
    asyncio.run(send(pair, list(strange_requests(random.Random(7), pair))))
    return pair


def strange_requests(chance: random.Random, pair: Pair) -> Iterator[httpx.Request]:
    def word() -> str:
        return "".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=12))

    tokens = [pair.token(), pair.token("predict"), "x.y.z", ""]
    for _ in range(2_000):
        path = chance.choice(
            [
                f"/{word()}",
                f"/{word()}/{word()}?{word()}={word()}",
                f"/v2/models/{word()}",
                f"/v2/models/{word()}/infer",
                f"/v1/models/{word()}:predict",
                f"/v2/models/{word()}/ready",
                f"/v2/models/{word()}/versions/{word()}/infer",
                "/classify",
                "/feedback",
                f"/classify?{word()}",
            ]
        )
        body = chance.choice(
            [
                {"texts": [word()]},
                {"texts": [word()], word(): 1},
                {"id": word(), "label": word()},
                {"instances": [word()]},
                {word(): word()},
            ]
        )
        headers = {
            "authorization": f"Bearer {chance.choice(tokens)}".strip(),
            "user-agent": word(),
            "x-request-id": word(),
            "x-forwarded-for": word(),
            f"x-{word()}": word(),
            "host": word(),
        }
        method = chance.choice(["POST", "POST", "POST", "GET", "PUT", "DELETE", "OPTIONS"])
        yield httpx.Request(method, pair.url + path, headers=headers, json=body)


async def send(pair: Pair, requests: list[httpx.Request]) -> None:
    limits = httpx.Limits(max_connections=16)
    async with httpx.AsyncClient(limits=limits, trust_env=False, timeout=60) as client:
        gate = asyncio.Semaphore(16)

        async def one(request: httpx.Request) -> int:
            async with gate:
                return (await client.send(request)).status_code

        statuses = await asyncio.gather(*map(one, requests))
    assert max(statuses) < 500
    assert len(set(statuses)) >= 6  # it did reach many of the answers


def test_the_number_of_series_is_bounded(busy: Pair) -> None:
    found = samples(busy)
    crowded = {name: len(series) for name, series in found.items() if len(series) > SERIES}
    assert not crowded
    assert sum(map(len, found.values())) < 1_000


def test_labels_hold_nothing_that_a_client_made_up(busy: Pair) -> None:
    paths = httpx.get(f"{busy.url}/openapi.json", trust_env=False).json()["paths"]
    hidden = {
        "none",
        "/openapi.json",
        "/oauth/token",
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
    }
    found = samples(busy)
    routes = {dict(labels)["route"] for labels in found["tamis_requests_total"]}
    assert routes <= {*paths, *hidden}
    assert {dict(labels)["label"] for labels in found["tamis_predictions_total"]} <= {
        "negative",
        "positive",
    }
    assert {dict(labels)["outcome"] for labels in found["tamis_auth_decisions_total"]} <= {
        "allowed",
        "unauthenticated",
        "forbidden",
        "ambiguous_credentials",
        "auth_unavailable",
    }


NAMES = [
    "tamis_requests_total",
    "tamis_request_seconds_bucket",
    "tamis_phase_seconds_bucket",
    "tamis_errors_total",
    "tamis_requests_in_flight",
    "tamis_request_texts_count",
    "tamis_predictions_total",
    "tamis_prediction_confidence_count",
    "tamis_truncated_texts_total",
    "tamis_auth_decisions_total",
    "tamis_served_model",
    "tamis_journal_predictions_total",
    "tamis_journal_failures_total",
    "tamis_journal_waiting_rows",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_is_there(busy: Pair, name: str) -> None:
    assert samples(busy)[name]


def change(before: Samples, after: Samples, name: str, **labels: str) -> float:
    series = tuple(sorted(labels.items()))
    return after[name].get(series, 0.0) - before[name].get(series, 0.0)


def test_each_request_is_counted_where_it_belongs(pair: Pair) -> None:
    before = samples(pair)
    with pair.client() as client:
        (row, _) = client.post("/classify", json={"texts": ["a fine film", "dull"]}).json()
        client.post("/classify", json={"texts": []})
        client.post("/feedback", json={"id": row["id"], "label": row["label"]})
        client.get("/nowhere")
    httpx.get(f"{pair.url}/v2/models/tamis", trust_env=False)
    after = samples(pair)
    for status, count in (("200", 1), ("422", 1)):
        labels = {"route": "/classify", "status": status}
        assert change(before, after, "tamis_requests_total", **labels) == count
    assert change(before, after, "tamis_requests_total", route="none", status="404") == 1
    assert change(before, after, "tamis_request_seconds_count", route="/classify") == 2
    assert change(before, after, "tamis_errors_total", code="invalid_field") == 1
    assert change(before, after, "tamis_errors_total", code="unauthenticated") == 1
    assert change(before, after, "tamis_auth_decisions_total", outcome="allowed") == 3
    assert change(before, after, "tamis_auth_decisions_total", outcome="unauthenticated") == 1
    assert change(before, after, "tamis_feedback_total", right="true") == 1
    assert change(before, after, "tamis_journal_predictions_total") == 2
    assert change(before, after, "tamis_request_texts_sum") == 2
    for phase, count in (("auth", 4), ("predict", 1), ("journal", 1)):
        name = "tamis_phase_seconds_count"
        assert change(before, after, name, phase=phase) == count
        assert change(before, after, "tamis_phase_seconds_sum", phase=phase) > 0
    assert after["tamis_requests_in_flight"][()] == 0


def test_the_model_that_answers_is_told(pair: Pair) -> None:
    with pair.client() as client:
        (row,) = client.post("/classify", json={"texts": ["a fine film"]}).json()
    ((labels, value),) = samples(pair)["tamis_served_model"].items()
    assert value == 1
    assert dict(labels) == {
        "name": row["model"],
        "version": row["version"],
        "bundle_digest": row["bundle_digest"],
    }


def test_the_predictors_phases_are_on_its_own_port(pair: Pair) -> None:
    with pair.client() as client:
        client.post("/classify", json={"texts": ["a fine film"]})
    told = httpx.get(f"{pair.predictor_url}/metrics", trust_env=False).text
    for phase in ("tokenise", "queue", "infer"):
        assert f'phase="{phase}"' in told
