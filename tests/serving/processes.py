"""The service as it really runs: two processes on loopback, each stopped by its own id."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from serving.local import free_port, module
from serving.transformer.auth.issuer import development_token
from serving.transformer.journal.keyring import create_keys
from tests.conftest import ROOT

READY_S = 120.0
"""Two busy cores import kserve slowly; a process that has died is noticed at once."""
EVERY = "predict feedback drift:read admin"


class Process:
    """A command that runs until it is stopped; its output goes to a file."""

    def __init__(self, command: Sequence[str], folder: Path, name: str) -> None:
        self.command, self.folder, self.log = list(command), folder, folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        assert not self.alive
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=own_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def ended(self, seconds: float = 60.0) -> int:
        """Its exit status, waited for."""
        assert self.process is not None
        return self.process.wait(seconds)

    def stop(self) -> int:
        """SIGTERM, and its exit status."""
        self.signal(signal.SIGTERM)
        return self.ended()

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.ended()

    def end(self) -> None:
        """Whatever state it is in, it is gone afterwards."""
        if not self.alive:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.ended(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def wait_until(self, ready: Callable[[], bool], what: str) -> None:
        """Wait for something that it should bring about, as long as it lives."""
        wait_until(lambda: ready() or not self.alive, what)
        assert self.alive, f"{what}: {self.text()[-3_000:]}"

    def text(self) -> str:
        """What it has written."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def events(self, name: str) -> list[dict[str, Any]]:
        """Its log lines of one kind."""
        lines = [line for line in self.text().splitlines() if line.startswith("{")]
        return [event for line in lines if (event := json.loads(line)).get("event") == name]


def own_environment() -> dict[str, str]:
    """This process's environment without what would change a server's behaviour."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TAMIS_", "MLFLOW_"))}
    return {**kept, "PYTHONPATH": str(ROOT)}


def wait_until(condition: Callable[[], bool], what: str, seconds: float = READY_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs, whosever child it is; one that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def answers(url: str, status: int = 200) -> bool:
    """Whether an address on loopback answers so."""
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == status
    except httpx.HTTPError:
        return False


@dataclass
class Pair:
    """Predictor and transformer.

    Attributes:
        folder: Where both run; it holds their logs, the issuer's state and the journal.
        predictor: The predictor's process.
        transformer: The transformer's process.
        predictor_url: Its address.
        url: The transformer's address.
        metrics_url: Where its metrics are.
        model: The served model's name.
    """

    folder: Path
    predictor: Process
    transformer: Process
    predictor_url: str
    url: str
    metrics_url: str
    model: str = "tamis"
    tokens: dict[str, str] = field(default_factory=dict)

    def start_predictor(self) -> None:
        self.predictor.start()
        ready = f"{self.predictor_url}/v2/health/ready"
        self.predictor.wait_until(lambda: answers(ready), "a ready predictor")

    def start_transformer(self, status: int = 200) -> None:
        self.transformer.start()
        ready = f"{self.url}/v2/health/ready"
        self.transformer.wait_until(lambda: answers(ready, status), "a ready transformer")

    def token(self, scope: str = EVERY) -> str:
        if scope not in self.tokens:
            self.tokens[scope] = development_token(self.folder / "issuer", scope)
        return self.tokens[scope]

    def headers(self, scope: str = EVERY) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token(scope)}"}

    def client(self, scope: str = EVERY) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, headers=self.headers(scope), timeout=30, trust_env=False
        )

    def metrics(self) -> str:
        return httpx.get(self.metrics_url, timeout=30, trust_env=False).text


def make_pair(
    bundle: Path,
    folder: Path,
    settings: Mapping[str, Any] | None = None,
    predictor_arguments: Sequence[str] = (),
) -> Pair:
    """A pair that isn't started.

    Args:
        bundle: What the predictor serves.
        folder: Where they run.
        settings: Changes of the transformer's.
        predictor_arguments: More of the predictor's arguments.
    """
    folder.mkdir(parents=True, exist_ok=True)
    predictor, transformer, metrics = free_port(), free_port(), free_port()
    create_keys(folder / "journal.keys")
    document = {
        "predictor": f"http://127.0.0.1:{predictor}",
        "port": transformer,
        "metrics_port": metrics,
        "issuer_state": "issuer",
        "journal": {"url": "journal.db", "keys": "journal.keys"},
        "drift": {"detectors": "off"},
        **(settings or {}),
    }
    (folder / "serving.yaml").write_text(yaml.safe_dump(document))
    where = ["--bundle", str(bundle), "--model-name", "tamis", "--port", str(predictor)]
    return Pair(
        folder,
        Process(module("serving.predictor", *where, *predictor_arguments), folder, "predictor"),
        Process(module("serving.transformer", "--config", "serving.yaml"), folder, "transformer"),
        f"http://127.0.0.1:{predictor}",
        f"http://127.0.0.1:{transformer}",
        f"http://127.0.0.1:{metrics}/metrics",
    )


@contextlib.contextmanager
def running(pair: Pair) -> Iterator[Pair]:
    """Start both, stop both."""
    try:
        pair.predictor.start()
        pair.transformer.start()
        ready = f"{pair.url}/v2/health/ready"
        pair.predictor.wait_until(
            lambda: answers(ready) or not pair.transformer.alive, "a ready pair"
        )
        assert pair.transformer.alive, pair.transformer.text()[-3_000:]
        yield pair
    finally:
        pair.transformer.end()
        pair.predictor.end()
