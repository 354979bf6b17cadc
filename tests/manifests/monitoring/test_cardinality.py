"""The number of series stays bounded whatever clients make up.

100,000 requests straight into the ASGI application, without a socket or a predictor behind it:
counting is the outermost thing that happens to a request. `tests/serving/transformer/
test_metrics.py` does the same with 2,000 over the wire, predictions among them.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.transformer.app import Transformer, build
from serving.transformer.auth.settings import AuthSettings
from serving.transformer.drift.settings import DriftSettings
from serving.transformer.journal.keyring import create_keys
from serving.transformer.journal.settings import JournalSettings
from serving.transformer.settings import TransformerSettings

REQUESTS = 100_000
SERIES = 100
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


@pytest.fixture
def transformer(tmp_path: Path) -> Transformer:
    create_keys(tmp_path / "journal.keys")
    settings = TransformerSettings(
        issuer_state=str(tmp_path / "issuer"),
        auth=AuthSettings(),
        journal=JournalSettings(str(tmp_path / "journal.db"), str(tmp_path / "journal.keys")),
        drift=DriftSettings(detectors="off"),
    )
    return build(settings, lambda: False)


def requests(chance: random.Random) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Scopes and bodies: every path, header, method and label is new."""

    def word() -> str:
        return "".join(chance.choices(LETTERS, k=10))

    while True:
        path = chance.choice(
            (
                f"/{word()}",
                f"/{word()}/{word()}",
                f"/v2/models/{word()}",
                f"/v2/models/{word()}/infer",
                f"/v2/models/{word()}/ready",
                f"/v1/models/{word()}:predict",
                f"/v1/models/{word()}",
                "/classify",
                "/feedback",
                f"/classify/{word()}",
            )
        )
        body = json.dumps({"texts": [word()], "id": word(), "label": word(), word(): word()})
        headers = [
            (b"authorization", f"Bearer {word()}.{word()}.{word()}".encode()),
            (b"x-request-id", word().encode()),
            (b"user-agent", word().encode()),
            (b"host", word().encode()),
            (f"x-{word()}".encode(), word().encode()),
            (b"content-type", b"application/json"),
        ]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": chance.choice(("POST", "POST", "GET", "PUT", word().upper())),
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": f"{word()}={word()}".encode(),
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
        yield scope, body.encode()


async def send(app: Any, number: int) -> Counter[int]:
    """Statuses of as many requests."""
    statuses: Counter[int] = Counter()
    made = requests(random.Random(11))
    for _ in range(number):
        scope, body = next(made)
        parts = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive(parts: list[dict[str, Any]] = parts) -> dict[str, Any]:
            return parts.pop() if parts else {"type": "http.disconnect"}

        async def told(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                statuses[message["status"]] += 1

        await app(scope, receive, told)
    return statuses


@pytest.mark.slow
def test_a_hundred_thousand_requests_make_at_most_a_hundred_series_a_metric(
    transformer: Transformer,
) -> None:
    statuses = asyncio.run(send(transformer.app, REQUESTS))
    assert sum(statuses.values()) == REQUESTS
    assert {401, 404, 405} <= set(statuses)
    series = {
        family.name: len(
            {tuple(sorted(s.labels.items())) for s in family.samples if "le" not in s.labels}
        )
        for family in transformer.metrics.registry.collect()
    }
    assert sum(series.values()) > 20
    assert {name: number for name, number in series.items() if number > SERIES} == {}
