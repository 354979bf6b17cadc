"""The loop's client against a real server, good and bad."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pipelines.loop.texts import Text
from pipelines.loop.timeline import Timeline
from pipelines.loop.traffic import Phase, Traffic

TEXTS = [Text(f"text {n}", ("negative", "positive")[n % 2]) for n in range(10)]


class Service(ThreadingHTTPServer):
    """Says "positive" to everything; version 1, or what `version` says."""

    daemon_threads = True

    def __init__(self) -> None:
        self.version, self.status, self.labels = "1", 200, []
        owner: Any = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None: ...

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer: Any = {}
                if self.path == "/classify":
                    row = {"label": "positive", "version": owner.version}
                    answer = [{**row, "id": text} for text in body["texts"]]
                else:
                    owner.labels.append((body["id"], body["label"]))
                data = json.dumps(answer).encode()
                self.send_response(owner.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        super().__init__(("127.0.0.1", 0), Handler)
        self.labels: list[tuple[str, str]]


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def traffic(service: Service, phase: Phase) -> Traffic:
    address = f"http://127.0.0.1:{service.server_address[1]}"
    return Traffic(address, "token", Timeline(), phase)


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_answers_are_counted_by_version_and_kind(service: Service) -> None:
    with traffic(service, Phase("first", TEXTS)) as client:
        until(lambda: client.accuracy("first", "1")[1] >= len(TEXTS))
        service.version = "2"
        client.turn_to(Phase("second", TEXTS[:2]))
        until(lambda: client.accuracy("second", "2")[1] >= 2)
    assert client.accuracy("first", "1")[0] == 0.5
    assert client.accuracy("second", "1")[1] == 0
    assert client.failed == []
    assert service.labels == []


def test_each_text_gets_its_label_once(service: Service) -> None:
    phase = Phase("kind", TEXTS, labelled=6)
    with traffic(service, phase) as client:
        until(lambda: client.accuracy("kind", "1")[1] >= 3 * len(TEXTS))
        until(lambda: phase.given >= 6)
    assert phase.given == len(service.labels) == 6
    assert set(service.labels) <= {(text.text, text.label) for text in TEXTS}


def test_what_fails_is_not_passed_over(service: Service) -> None:
    service.status = 503
    with traffic(service, Phase("kind", TEXTS)) as client:
        until(lambda: client.failed)
    assert client.failed[0] == "classify: 503"
    assert not client.answered


def test_nobody_there_is_a_failure_too() -> None:
    client = Traffic("http://127.0.0.1:9", "token", Timeline(), Phase("kind", TEXTS))
    with client:
        until(lambda: client.failed)
    assert client.failed[0].startswith("classify: Client")
