"""The servers that are measured: each a context that starts processes and stops them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from serving.local import free_port
from tests.bench.serve.peers import mlserver
from tests.conftest import ROOT

PEERS = Path(__file__).with_name("peers")
READY_S = 180
NAME = "tamis"


@dataclass(frozen=True)
class Served:
    """A running service.

    Attributes:
        url: Where texts are posted.
        form: What its bodies look like: `classify`, `v1` or `v2`.
        pids: Its processes.
        ready_s: Seconds from start to ready.
        token: What it wants to see; empty for nothing.
    """

    url: str
    form: str
    pids: tuple[int, ...]
    ready_s: float
    token: str = ""


def body(form: str, text: str) -> dict[str, object]:
    """One text as a request body of that form."""
    if form == "classify":
        return {"texts": [text]}
    if form == "v1":
        return {"instances": [text]}
    tensor = {"name": "inputs", "shape": [1], "datatype": "BYTES", "data": [text]}
    return {"inputs": [tensor]}


@contextlib.contextmanager
def running(
    commands: Sequence[Sequence[str]],
    ready_url: str,
    environment: Mapping[str, str],
    folder: Path,
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Start processes, wait until they are ready; yields their ids and the seconds it took."""
    folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TAMIS_", "MLFLOW_"))}
    with contextlib.ExitStack() as stack:
        processes = []
        for number, command in enumerate(commands):
            log = stack.enter_context((folder / f"{number}.log").open("wb"))
            process = subprocess.Popen(
                command,
                cwd=folder,
                env={**kept, "PYTHONPATH": str(ROOT), **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            processes.append(process)
            stack.callback(_stop, process)
        while not answers(ready_url):
            if any(process.poll() is not None for process in processes):
                raise SystemExit(f"A server ended early; its log is in {folder}.")
            if time.perf_counter() - started > READY_S:
                raise SystemExit(f"{ready_url} was never ready; its log is in {folder}.")
            time.sleep(0.02)
        yield tuple(p.pid for p in processes), time.perf_counter() - started


def answers(url: str) -> bool:
    """Whether an address on loopback answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def fastapi_pipeline(model: Path, folder: Path) -> Iterator[Served]:
    """Row 1."""
    port = free_port()
    command = [sys.executable, str(PEERS / "fastapi_pipeline.py")]
    own = {"PEER_MODEL": str(model), "PEER_PORT": str(port), "HF_HUB_OFFLINE": "1"}
    base = f"http://127.0.0.1:{port}"
    with running([command], f"{base}/ready", own, folder) as (pids, seconds):
        yield Served(f"{base}/classify", "classify", pids, seconds)


@contextlib.contextmanager
def kserve_pair(role: str, model: Path, folder: Path) -> Iterator[Served]:
    """Row 2, and with `role` `empty` the pair without a model."""
    predictor, transformer = free_port(), free_port()
    script = str(PEERS / "kserve_pair.py")
    own = {
        "PEER_MODEL": str(model),
        "HF_HUB_OFFLINE": "1",
    }
    first = [sys.executable, script, role, "--http_port", str(predictor)]
    second = [sys.executable, script, "transformer", "--http_port", str(transformer)]
    second += ["--predictor_host", f"127.0.0.1:{predictor}", "--predictor_protocol", "v1"]
    ready = f"http://127.0.0.1:{predictor}/v2/models/{NAME}/ready"
    with running([first, second], ready, own, folder) as (pids, seconds):
        url = f"http://127.0.0.1:{transformer}/v1/models/{NAME}:predict"
        while not answers(f"http://127.0.0.1:{transformer}/v2/health/live"):
            time.sleep(0.05)
        yield Served(url, "v1", pids, seconds)


@contextlib.contextmanager
def empty_kserve(folder: Path) -> Iterator[Served]:
    """An empty KServe model server, for how long one takes to start."""
    port = free_port()
    command = [sys.executable, str(PEERS / "kserve_pair.py"), "empty", "--http_port", str(port)]
    base = f"http://127.0.0.1:{port}"
    with running([command], f"{base}/v2/models/{NAME}/ready", {}, folder) as (pids, seconds):
        yield Served(f"{base}/v1/models/{NAME}:predict", "v1", pids, seconds)


@contextlib.contextmanager
def ml_server(
    binaries: Path, model: Path, folder: Path, optimum: bool, batch: int
) -> Iterator[Served]:
    """Rows 3 and 4."""
    port = free_port()
    mlserver.write_settings(folder, model, port, optimum, batch)
    base = f"http://127.0.0.1:{port}/v2/models/{NAME}"
    own = {"HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}
    command = [str(binaries / "mlserver"), "start", "."]
    with running([command], f"{base}/ready", own, folder) as (pids, seconds):
        yield Served(f"{base}/infer", "v2", pids, seconds)


@contextlib.contextmanager
def tamis(bundle: Path, folder: Path, guarded: bool, drift: str) -> Iterator[Served]:
    """Our pair: with tokens, journal and drift, or without any of them."""
    from serving.transformer.auth.issuer import development_token
    from serving.transformer.journal.keyring import create_keys

    predictor, transformer = free_port(), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "predictor": f"http://127.0.0.1:{predictor}",
        "port": transformer,
        "open_to_all": not guarded,
        "feedback": guarded,
        "issuer_state": str(folder / "issuer"),
        "journal": {"url": str(folder / "journal.db"), "keys": str(folder / "journal.keys")},
        "drift": {"detectors": drift if guarded else "off"},
    }
    (folder / "serving.yaml").write_text(yaml.safe_dump(settings))
    if not (folder / "journal.keys").exists():
        create_keys(folder / "journal.keys")
    first = [sys.executable, "-P", "-m", "serving.predictor", "--bundle", str(bundle)]
    first += ["--port", str(predictor), "--model-name", NAME]
    second = [sys.executable, "-P", "-m", "serving.transformer", "--config", "serving.yaml"]
    base = f"http://127.0.0.1:{transformer}"
    with running([first, second], f"{base}/v2/health/ready", {}, folder) as (pids, seconds):
        token = development_token(folder / "issuer", "predict") if guarded else ""
        yield Served(f"{base}/classify", "classify", pids, seconds, token)
