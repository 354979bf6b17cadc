"""A predictor in a process of its own, as it is really run."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import queue
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

START_S = 120.0
STOP_S = 60.0


@dataclass
class Running:
    """A running predictor.

    Attributes:
        process: The process.
        ready: Its `ready` event.
        events: What it logged since, as it comes.
        scheme: `http` or `https`.
        context: The client's TLS context.
    """

    process: subprocess.Popen[str]
    events: queue.Queue[dict[str, Any]]
    scheme: str = "http"
    context: ssl.SSLContext | None = None
    ready: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.ready['port']}"

    def get(self, path: str) -> tuple[int, Any]:
        return self.ask(urllib.request.Request(self.url + path))

    def post(
        self, path: str, body: bytes, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        told = {"content-type": "application/json", **(headers or {})}
        return self.ask(urllib.request.Request(self.url + path, body, told))

    def infer(self, *texts: str, **parameters: Any) -> tuple[int, Any]:
        tensor = {"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": texts}
        body = {"inputs": [tensor], "parameters": parameters}
        return self.post("/v2/models/tamis/infer", json.dumps(body).encode())

    def ask(self, request: urllib.request.Request) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(request, timeout=60, context=self.context) as answer:
                return answer.status, _document(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _document(error.read())

    def event(self, name: str, seconds: float = START_S) -> dict[str, Any]:
        """The next event of that name."""
        while True:
            found = self.events.get(timeout=seconds)
            if found["event"] == name:
                return found

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S)


def _document(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode()


@contextlib.contextmanager
def predictor(
    bundle: Path | None,
    *arguments: str,
    scheme: str = "http",
    context: ssl.SSLContext | None = None,
    environment: dict[str, str] | None = None,
) -> Iterator[Running]:
    """Run a predictor on a free port until the block ends.

    Args:
        bundle: A bundle's directory; None for the registry's model.
        arguments: More arguments.
        scheme: `https` when the arguments say so.
        context: The client's TLS context.
        environment: More variables.
    """
    command = [sys.executable, "-m", "serving.predictor", "--port", "0"]
    if bundle is not None:
        command += ["--bundle", str(bundle)]
    process = subprocess.Popen(
        [*command, *arguments],
        cwd=ROOT,
        env={**os.environ, **_bytecode(), **(environment or {})},
        stderr=subprocess.PIPE,
        text=True,
    )
    running = Running(process, queue.Queue(), scheme, context)
    reader = threading.Thread(target=_read, args=(process, running.events))
    reader.start()
    try:
        running.ready = running.event("ready")
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(STOP_S)
        reader.join(STOP_S)


@functools.cache
def _bytecode() -> dict[str, str]:
    """A place for bytecode, or every start would compile all of KServe again."""
    folder = tempfile.mkdtemp(prefix="tamis-bytecode-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return {"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}


def _read(process: subprocess.Popen[str], events: queue.Queue[dict[str, Any]]) -> None:
    assert process.stderr is not None
    with process.stderr:
        for line in process.stderr:
            try:
                events.put(json.loads(line))
            except ValueError:
                events.put({"event": "not an event", "line": line})
    events.put({"event": "ready", "ended": True})  # whoever waits for it need not wait on
