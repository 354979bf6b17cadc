"""The trigger over HTTP: a real server, real requests, hostile ones among them."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import pytest
import uvicorn
from prometheus_client import CollectorRegistry, generate_latest

from components.contract.errors import TamisError
from pipelines.trigger import app as application
from pipelines.trigger.app import make_app
from pipelines.trigger.bearer import BearerToken
from pipelines.trigger.intake import Intake
from pipelines.trigger.ledger import Ledger
from pipelines.trigger.metrics import TriggerCollector
from pipelines.trigger.webhook import BODY_BYTES
from tests.pipelines.trigger.parts import (
    NOW,
    SETTINGS,
    ListedLabels,
    alert,
    ended,
    ids,
    notification,
    registry,
)

TOKEN = "a-token-of-some-length"
BEARER = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}


class Trigger:
    """The application on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.ledger, self.labels, self.now = Ledger(folder / "ledger.db"), ListedLabels(), NOW
        self.working = True
        self.registry = registry(folder)
        intake = Intake(self.ledger, self.labels, self.registry, SETTINGS, lambda: self.now)
        self.metrics = CollectorRegistry()
        self.metrics.register(TriggerCollector(self.ledger, intake.fresh_labels))
        app = make_app(intake, BearerToken(TOKEN), lambda: self.working)
        config = uvicorn.Config(app, "127.0.0.1", 0, lifespan="off", log_config=None)
        self._listener = config.bind_socket()
        self.port = int(self._listener.getsockname()[1])
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._server.serve([self._listener]))
        )

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def post(
        self, body: bytes = b"", headers: dict[str, str] = BEARER, method: str = "POST"
    ) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, "/alerts", body or notification(), headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text.startswith(b"{") else {}
        finally:
            connection.close()

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()


@pytest.fixture
def trigger(tmp_path: Path) -> Iterator[Trigger]:
    with Trigger(tmp_path) as running:
        yield running


def test_a_hundred_duplicate_alerts_start_one_run(trigger: Trigger) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: trigger.post(), range(100)))
    assert {status for status, _ in answers} == {200}
    codes = [told["code"] for _, told in answers]
    assert codes.count("accepted") == 1
    assert codes.count("duplicate") == 99
    assert len(ids(trigger.ledger)) == 1
    (run,) = {told["run"] for _, told in answers if told["run"]}
    ended(trigger.ledger, run, NOW)
    trigger.now += 10_000
    assert trigger.post()[1]["code"] == "duplicate", "nor after its end"


def test_each_refusal_says_why(trigger: Trigger) -> None:
    trigger.labels.number = 2
    told = trigger.post()[1]
    assert told["code"] == "too_few_labels"
    assert "2 fresh labels" in told["message"]
    trigger.labels.number = 3
    run = trigger.post()[1]["run"]
    other = notification(alert(fingerprint="aa"))
    assert trigger.post(other)[1]["code"] == "running"
    ended(trigger.ledger, run, NOW)
    assert trigger.post(other)[1]["code"] == "cooldown"
    trigger.now += 601
    ended(trigger.ledger, trigger.post(other)[1]["run"], trigger.now)
    trigger.now += 601
    told = trigger.post(notification(alert(fingerprint="bb")))[1]
    assert told["code"] == "budget"
    assert "24 hours" in told["message"]
    shown = generate_latest(trigger.metrics).decode()
    for reason in ("too_few_labels", "running", "cooldown", "budget"):
        assert f'tamis_retrain_refusals_total{{reason="{reason}"}} 1.0' in shown
    assert 'tamis_retrain_refusals_total{reason="duplicate"} 0.0' in shown
    assert 'tamis_retrain_runs_total{outcome="refused"} 2.0' in shown


def test_labels_are_counted_since_the_last_decided_run(trigger: Trigger) -> None:
    ended(trigger.ledger, trigger.post()[1]["run"], NOW, until=42)
    trigger.now += 601
    trigger.post(notification(alert(fingerprint="aa")))
    assert [since for _, since in trigger.labels.asked] == [0, 42]


def test_duplicates_do_not_ask_the_journal(trigger: Trigger) -> None:
    for _ in range(5):
        trigger.post()
    assert len(trigger.labels.asked) == 1


def test_an_alert_that_asks_for_nothing_is_taken_and_forgotten(trigger: Trigger) -> None:
    body = notification(alert(status="resolved"))
    assert trigger.post(body) == (200, {"run": "", "code": "nothing_asked", "message": ""})
    assert ids(trigger.ledger) == []


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong-token-of-length"}])
def test_without_the_token_nothing_is_read(trigger: Trigger, header: dict[str, str]) -> None:
    assert trigger.post(b"x" * 1_000, header) == (401, {"code": "not_authenticated"})
    assert ids(trigger.ledger) == []


def test_hostile_bodies_are_refused(trigger: Trigger) -> None:
    for body, status, code in (
        (b"{", 400, "bad_json"),
        (b"[" * 100_000, 400, "bad_json"),
        (notification(version="3"), 400, "unknown_version"),
        (notification(alerts=7), 400, "bad_notification"),
        (b" " * (BODY_BYTES + 1), 413, "body_too_large"),
    ):
        answer, told = trigger.post(body)
        assert (answer, told["code"]) == (status, code)
    assert trigger.post(method="GET")[0] == 405
    assert ids(trigger.ledger) == []


def test_a_body_without_a_length_is_cut_off(trigger: Trigger) -> None:
    """Chunks without end: the server stops reading at its limit."""
    with socket.create_connection(("127.0.0.1", trigger.port), timeout=30) as connection:
        head = "POST /alerts HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n"
        connection.sendall(f"{head}Authorization: Bearer {TOKEN}\r\n\r\n".encode())
        sent, answer = 0, b""
        connection.settimeout(0.01)
        while sent < 64 * BODY_BYTES and not answer:
            try:
                connection.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
                sent += 0x10000
            except (TimeoutError, OSError):
                pass
            try:
                answer = connection.recv(4_096)
            except TimeoutError:
                continue
            except OSError:
                break
    assert sent < 64 * BODY_BYTES
    assert not answer or b"413" in answer


def test_a_body_that_trickles_is_given_up(
    trigger: Trigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "BODY_S", 0.1)
    with socket.create_connection(("127.0.0.1", trigger.port), timeout=30) as connection:
        head = "POST /alerts HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n"
        connection.sendall(f"{head}Authorization: Bearer {TOKEN}\r\n\r\n{{".encode())
        assert b"408" in connection.recv(4_096)


def test_a_journal_that_does_not_answer_lets_alertmanager_come_again(trigger: Trigger) -> None:
    def unreadable(bundle_digest: str, since: int) -> int:
        raise TamisError("journal_unavailable", "postgresql://user:secret@host is away.")

    trigger.labels.count = unreadable  # type: ignore[method-assign]
    assert trigger.post() == (503, {"code": "journal_unavailable"})
    assert ids(trigger.ledger) == []
    assert "tamis_retrain_fresh_labels" not in generate_latest(trigger.metrics).decode()


def test_nothing_is_told_of_what_went_wrong_inside(trigger: Trigger) -> None:
    def broken(bundle_digest: str, since: int) -> int:
        raise RuntimeError("secret")

    trigger.labels.count = broken  # type: ignore[method-assign]
    assert trigger.post() == (500, {"code": "unexpected"})


def test_without_a_champion_there_is_nothing_to_retrain(trigger: Trigger, tmp_path: Path) -> None:
    registry(tmp_path, champion="")
    assert trigger.post() == (503, {"code": "no_champion"})


def test_health(trigger: Trigger) -> None:
    assert [trigger.get(path) for path in ("/live", "/ready", "/health")] == [200, 200, 200]
    trigger.working = False
    assert [trigger.get(path) for path in ("/live", "/ready", "/health")] == [200, 503, 503]
