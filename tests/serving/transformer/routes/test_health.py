from __future__ import annotations

import httpx

from tests.serving.processes import Pair


def test_anyone_may_ask_and_learns_nothing_else(pair: Pair) -> None:
    for path, expected in (
        ("/", {"status": "alive"}),
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2", {"name": "tamis", "extensions": []}),
        ("/v2/models/tamis/ready", {"name": "tamis", "ready": True}),
        ("/v1/models/tamis", {"name": "tamis", "ready": True}),
    ):
        answer = httpx.get(pair.url + path, trust_env=False)
        assert (answer.status_code, answer.json()) == (200, expected)
        assert set(answer.headers) <= {
            "content-length",
            "content-type",
            "x-request-id",
            "x-content-type-options",
        }


def test_another_models_readiness_is_unknown(pair: Pair) -> None:
    for path in ("/v2/models/other/ready", "/v1/models/other"):
        answer = httpx.get(pair.url + path, trust_env=False)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "unknown_model"
        assert answer.json()["error"]["field"] == "model"


def test_metrics_are_not_where_requests_are(pair: Pair) -> None:
    assert httpx.get(f"{pair.url}/metrics", trust_env=False).status_code == 404
    assert httpx.get(pair.metrics_url, trust_env=False).status_code == 200
    for path in ("/classify", "/v2/health/ready"):
        elsewhere = pair.metrics_url.replace("/metrics", path)
        assert httpx.get(elsewhere, trust_env=False).status_code == 404
