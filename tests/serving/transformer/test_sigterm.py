"""SIGTERM under load: not ready, then drained, then gone, and nobody's request is lost."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from serving.transformer.journal import commands
from tests.serving.forked import Forked
from tests.serving.load import CONNECT_S, Crowd, Noted
from tests.serving.processes import Pair, Process, make_pair, running

TIMES = 20
DRAIN_S = 0.3
BODY = {"texts": ["a wonderful film", "dull and far too long"]}
V2 = {
    "inputs": [
        {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["a wonderful film", "dull"]}
    ]
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def draining(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("draining")
    drain = ["--drain-seconds", str(DRAIN_S)]
    pair = make_pair(bundle, folder, {"drain_s": DRAIN_S}, drain)
    pair.transformer = Forked(["--config", "serving.yaml"], folder, "transformer")
    with running(pair):
        yield pair


class Readiness:
    """What `/v2/health/ready` said, from before a signal until nobody listened."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/v2/health/ready"
        self.said: list[tuple[int, int]] = []

    async def watch(self, noted: Noted) -> None:
        """Note statuses, each with how many requests had been answered by then."""
        patience = httpx.Timeout(10, connect=CONNECT_S)
        # A connection each: one that idles through the drain may be closed under a request.
        once = {"connection": "close"}
        async with httpx.AsyncClient(headers=once, trust_env=False, timeout=patience) as client:
            while True:
                try:
                    status = (await client.get(self._url)).status_code
                except httpx.ConnectTimeout:
                    continue
                except httpx.ConnectError:
                    return
                self.said.append((status, len(noted.answered)))
                await asyncio.sleep(0.01)


async def terminated(process: Process, crowd: Crowd, readiness: Readiness) -> int:
    async with crowd.running() as noted:
        await crowd.some_answered(50)
        watching = asyncio.create_task(readiness.watch(noted))
        await crowd.some_answered(50)
        process.signal(signal.SIGTERM)
        await watching
        return await asyncio.to_thread(process.ended)


def check(noted: Noted, readiness: Readiness) -> None:
    assert noted.lost == []
    assert noted.statuses() == {200}
    said = [status for status, _ in readiness.said]
    first = said.index(503)
    assert set(said[:first]) == {200}
    assert set(said[first:]) == {503}  # once not ready, it stays so
    # Requests went on being answered after readiness was over.
    assert len(noted.answered) > readiness.said[first][1] > 0
    assert noted.refused > 0


def test_the_transformer_loses_nothing(draining: Pair) -> None:
    pair, acknowledged = draining, 0
    for time in range(TIMES):
        crowd = Crowd(pair.url, "/classify", BODY, pair.headers("predict"))
        readiness = Readiness(pair.url)
        assert asyncio.run(terminated(pair.transformer, crowd, readiness)) == 0
        check(crowd.noted, readiness)
        assert len(pair.transformer.events("stopped")) == time + 1
        acknowledged += sum(len(rows) for _, rows in crowd.noted.answered)
        pair.start_transformer()
    status = commands.status(str(pair.folder / "journal.db"), str(pair.folder / "journal.keys"))
    assert status.predictions == acknowledged


def test_a_request_under_way_is_answered_after_the_socket_is_closed(draining: Pair) -> None:
    """Its body comes slowly, and ends only when nobody can connect any more."""
    pair = draining

    async def scenario() -> bytes:
        address = httpx.URL(pair.url)
        reader, writer = await asyncio.open_connection(address.host, address.port)
        head = "POST /classify HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        head += f"authorization: Bearer {pair.token()}\r\ncontent-length: 20\r\n\r\n"
        writer.write(head.encode() + b'{"texts": ')
        await writer.drain()
        await asyncio.sleep(0.1)
        pair.transformer.signal(signal.SIGTERM)
        refused = False
        while not refused:
            try:
                async with httpx.AsyncClient(trust_env=False) as client:
                    await client.get(f"{pair.url}/v2/health/live")
            except httpx.ConnectError:
                refused = True
        writer.write(b'["fine"] }')
        told = await reader.read()
        writer.close()
        return told

    told = asyncio.run(scenario())
    assert told.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in told.lower()
    assert pair.transformer.ended() == 0


def test_the_predictor_loses_nothing(draining: Pair) -> None:
    for _ in range(3):
        if not draining.predictor.alive:
            draining.start_predictor()
        crowd = Crowd(draining.predictor_url, "/v2/models/tamis/infer", V2, {})
        readiness = Readiness(draining.predictor_url)
        assert asyncio.run(terminated(draining.predictor, crowd, readiness)) == 0
        check(crowd.noted, readiness)
