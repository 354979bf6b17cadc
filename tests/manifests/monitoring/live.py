"""A Prometheus and an Alertmanager as `make monitor` starts them, and what they say."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from manifests.monitoring.laptop import (
    Laptop,
    alertmanager_command,
    prometheus_command,
    watch,
    write,
)
from serving.local import free_port
from tests.manifests.monitoring.promtool import binary
from tests.serving.processes import Process, answers

METRIC = re.compile(r"\b(?:tamis_[a-z0-9_]+|process_[a-z_]+|up)\b")
"""A metric's name in PromQL without its strings."""


def metrics_in(queries: Iterable[str]) -> set[str]:
    """The metrics that queries read; recorded series (`tamis:…`) aren't among them."""
    found: set[str] = set()
    for query in queries:
        bare = re.sub(r'"[^"]*"|\b(?:by|on|without|ignoring) \([^)]*\)', "", query)
        found.update(METRIC.findall(bare))
    return found


def exposed(exposition: str) -> set[str]:
    """The names that an exposition's families may give to series."""
    found = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", exposition, re.MULTILINE):
        found.add(name)
        if kind == "histogram":
            found |= {f"{name}_{suffix}" for suffix in ("bucket", "sum", "count")}
    return found


@dataclass
class Received:
    """What Alertmanager posted: tokens, bodies, and these as JSON."""

    tokens: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    notifications: list[dict[str, Any]] = field(default_factory=list)

    def alerts(self) -> list[tuple[str, str]]:
        """Name and status of each."""
        return [
            (alert["labels"]["alertname"], alert["status"])
            for notification in self.notifications
            for alert in notification["alerts"]
        ]


@contextlib.contextmanager
def webhook() -> Iterator[tuple[str, Received]]:
    """An address that takes alerts, and what came."""
    received = Received()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.tokens.append(self.headers.get("authorization", ""))
            received.bodies.append(body)
            received.notifications.append(json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/alerts", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Live:
    """Both programs, running."""

    laptop: Laptop
    received: Received

    def ask(self, path: str, **parameters: str) -> Any:
        """Prometheus' answer."""
        url = f"{self.laptop.prometheus_url}/api/v1/{path}"
        answer = httpx.get(url, params=parameters, timeout=30, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def query(self, query: str) -> list[Any]:
        """The series that a query gives now."""
        data = self.ask("query", query=query)
        if data["resultType"] == "scalar":
            return [data["result"]]
        found: list[Any] = data["result"]
        return found

    def firing(self) -> dict[str, str]:
        """Alerts that fire: name -> summary."""
        return {
            alert["labels"]["alertname"]: alert["annotations"]["summary"]
            for alert in self.ask("alerts")["alerts"]
            if alert["state"] == "firing"
        }

    def routed(self) -> dict[str, list[str]]:
        """Alerts that Alertmanager holds: name -> receivers."""
        url = f"{self.laptop.alertmanager_url}/api/v2/alerts"
        alerts = httpx.get(url, timeout=30, trust_env=False).json()
        return {
            alert["labels"]["alertname"]: sorted(r["name"] for r in alert["receivers"])
            for alert in alerts
        }


@contextlib.contextmanager
def live(folder: Path, targets: dict[str, str], token: str) -> Iterator[Live]:
    """Start both in haste, watch the targets, stop both.

    Args:
        folder: Where they run.
        targets: Component -> host:port.
        token: What the webhook asks for.
    """
    (folder / "token").write_text(token)
    with webhook() as (url, received), contextlib.ExitStack() as stack:
        laptop = Laptop(folder, free_port(), free_port(), url, folder / "token", quick=True)
        write(laptop)
        watch(folder, targets)
        for name, command, address in (
            ("prometheus", prometheus_command(laptop, binary("prometheus")), laptop.prometheus_url),
            (
                "alertmanager",
                alertmanager_command(laptop, binary("prometheus-alertmanager")),
                laptop.alertmanager_url,
            ),
        ):
            process = Process(command, folder, name)
            stack.callback(process.end)
            process.start()
            process.wait_until(lambda url=address: answers(f"{url}/-/ready"), f"a ready {name}")  # type: ignore[misc]
        yield Live(laptop, received)
