"""Two processes that are kept running; small stand-ins for them, which the service can't tell."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.contract.errors import InputError
from serving import local
from tests.serving.processes import Process, alive, wait_until

CHILD = """
import http.server, os, signal, sys, time

name, folder, port = sys.argv[1:4]

def note(what):
    with open(f"{folder}/events", "a") as stream:
        stream.write(f"{name} {what} {os.getpid()}\\n")

def stop(*_):
    note("stopping")
    if not os.path.exists(f"{folder}/{name}.stubborn"):
        os._exit(0)

signal.signal(signal.SIGTERM, stop)
note("started")
if os.path.exists(f"{folder}/{name}.broken"):
    sys.exit(3)

class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        well = not os.path.exists(f"{folder}/predictor.broken")
        self.wfile.write(b'{"ready": true}' if well else b'{"ready": false}')

    def log_message(self, *_):
        pass

if name == "transformer":
    http.server.HTTPServer(("127.0.0.1", int(port)), Ready).serve_forever()
while True:
    time.sleep(60)
"""
SERVICE = """
import json, sys
from components.contract.errors import TamisError
from serving import local

told = json.loads(sys.argv[1])
for name, value in told["constants"].items():
    setattr(local, name, value)
service = local.Service(told["predictor"], told["transformer"], told["url"])
try:
    service.run(lambda: print("ready", flush=True))
except TamisError as error:
    sys.exit(f"{error.code}: {error.message}")
print("over", [child.restarts for child in service.children], flush=True)
"""


class Watched:
    """A service in a process of its own, and what its children noted."""

    def __init__(self, folder: Path, **constants: float) -> None:
        self.folder = folder
        port = str(local.free_port())

        def child(name: str) -> list[str]:
            return [sys.executable, "-c", CHILD, name, str(folder), port]

        told = {
            "predictor": child("predictor"),
            "transformer": child("transformer"),
            "url": f"http://127.0.0.1:{port}",
            "constants": constants,
        }
        command = [sys.executable, "-c", SERVICE, json.dumps(told)]
        self.service = Process(command, folder, "service")

    def events(self) -> list[tuple[str, str, int]]:
        try:
            lines = (self.folder / "events").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [(name, what, int(pid)) for name, what, pid in map(str.split, lines)]

    def started(self, name: str) -> list[int]:
        return [pid for who, what, pid in self.events() if (who, what) == (name, "started")]

    def start(self) -> None:
        self.service.start()
        self.service.wait_until(
            lambda: "ready" in self.service.text() and len(self.events()) == 2, "a ready service"
        )

    def end(self) -> None:
        self.service.end()
        for _, what, pid in self.events():
            if what == "started" and alive(pid):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Any]:
    made: list[Watched] = []

    def make(**constants: float) -> Watched:
        made.append(Watched(tmp_path, **constants))
        return made[-1]

    yield make
    for one in made:
        one.end()


def test_it_says_once_that_it_is_ready_and_stops_the_transformer_first(watched: Any) -> None:
    service = watched()
    service.start()
    service.service.signal(signal.SIGTERM)
    assert service.service.ended() == 0
    assert service.service.text().split("\n")[:2] == ["ready", "over [0, 0]"]
    stopping = [name for name, what, _ in service.events() if what == "stopping"]
    assert stopping == ["transformer", "predictor"]
    assert not any(alive(pid) for _, _, pid in service.events())


@pytest.mark.parametrize("name", ["predictor", "transformer"])
def test_whoever_dies_is_started_again_and_the_other_left_alone(watched: Any, name: str) -> None:
    service = watched()
    service.start()
    for time in range(3):
        os.kill(service.started(name)[-1], signal.SIGKILL)
        wait_until(lambda time=time: len(service.started(name)) == time + 2, "a restart")
    other = "predictor" if name == "transformer" else "transformer"
    assert len(service.started(other)) == 1
    assert service.service.stop() == 0


def test_one_that_keeps_dying_keeps_nobody_from_being_watched_or_stopped(watched: Any) -> None:
    """Its pause is longer than this test may take."""
    service = watched(FIRST_PAUSE_S=0.0, LONGEST_PAUSE_S=3_600.0)
    service.start()
    (service.folder / "predictor.broken").touch()
    os.kill(service.started("predictor")[-1], signal.SIGKILL)
    wait_until(lambda: len(service.started("predictor")) >= 3, "an immediate restart")
    os.kill(service.started("transformer")[-1], signal.SIGKILL)
    wait_until(lambda: len(service.started("transformer")) == 2, "the other's restart")
    assert service.service.stop() == 0


def test_pauses_grow_while_it_keeps_dying(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clock = [0.0]
    monkeypatch.setattr(local.time, "monotonic", lambda: clock[0])
    child = local.Child("x", [sys.executable, "-c", ""])
    child.start()
    restarted = []
    while len(restarted) < 9:
        assert child.process is not None
        child.process.wait()
        before = child.restarts
        child.tend()
        if child.restarts > before:
            restarted.append(clock[0])
        clock[0] += 0.1
    pauses = [later - earlier for earlier, later in itertools.pairwise(restarted)]
    assert pauses == sorted(pauses)
    assert pauses[-1] <= local.LONGEST_PAUSE_S + 0.3
    assert pauses[0] < pauses[-1]
    # Having lived long it is restarted as quickly as the first time.
    child.started = clock[0] - local.STEADY_S - 1
    assert child.process is not None
    child.process.wait()
    child.tend()
    clock[0] += local.FIRST_PAUSE_S
    before = child.restarts
    child.tend()
    assert child.restarts == before + 1
    child.process.wait()


@pytest.mark.parametrize("name", ["predictor", "transformer"])
def test_one_that_cannot_start_is_an_error_and_the_other_is_stopped(
    watched: Any, name: str
) -> None:
    service = watched()
    (service.folder / f"{name}.broken").touch()
    service.service.start()
    assert service.service.ended() == 1
    assert f"not_started: The {name} ended; see its last line." in service.service.text()
    assert not any(alive(pid) for _, _, pid in service.events())


def test_a_service_that_is_never_ready_is_an_error(watched: Any) -> None:
    service = watched(READY_S=0.0)
    service.service.start()
    assert service.service.ended() == 1
    assert "not_started: The service was not ready in 0 s." in service.service.text()
    assert not any(alive(pid) for _, _, pid in service.events())


def test_it_may_be_stopped_before_it_is_ready(watched: Any) -> None:
    service = watched()
    service.service.start()
    wait_until(lambda: len(service.events()) >= 1, "a child")
    service.service.signal(signal.SIGINT)
    assert service.service.ended() == 0


def test_one_that_does_not_stop_is_killed(watched: Any) -> None:
    service = watched(STOP_S=0.2)
    for name in ("predictor", "transformer"):
        (service.folder / f"{name}.stubborn").touch()
    service.start()
    assert service.service.stop() == 0
    assert not any(alive(pid) for _, _, pid in service.events())


def test_ctrl_c_reaches_the_service_alone(watched: Any) -> None:
    """So that it can stop its children in order: they are in groups of their own."""
    service = watched()
    service.start()
    for name in ("predictor", "transformer"):
        (pid,) = service.started(name)
        assert os.getpgid(pid) == pid
    service.service.signal(signal.SIGINT)
    assert service.service.ended() == 0


def test_nobody_survives_a_killed_service(watched: Any) -> None:
    service = watched()
    service.start()
    pids = [pid for _, _, pid in service.events()]
    assert len(pids) == 2
    service.service.kill()
    wait_until(lambda: not any(map(alive, pids)), "the children's end")


def test_a_free_port_can_be_listened_at() -> None:
    for _ in range(20):
        with socket.create_server(("127.0.0.1", local.free_port())):
            pass


def test_a_port_that_is_taken_is_refused() -> None:
    local.check_free(0)
    local.check_free(local.free_port())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"Port {port} can't be listened at: .+\\.") as caught:
            local.check_free(port)
    assert caught.value.code == "bad_address"


def test_our_modules_run_whatever_the_folder_holds(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('not this one')")
    process = Process(local.module("json.tool", "--help"), tmp_path, "out")
    process.start()
    assert process.ended() == 0
    assert "usage" in process.text()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b'HTTP/1.1 200 OK\r\n\r\n{"ready": true}', True),
        (b'HTTP/1.1 200 OK\r\n\r\n{"ready": false}', False),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", False),
        (b"HTTP/1.1 200 OK\r\n\r\n[]", False),
        (b"HTTP/1.1 200 OK\r\n\r\nready", False),
        (b'HTTP/1.1 503 No\r\n\r\n{"ready": true}', False),
        (b"nonsense\r\n\r\n", False),
        (b"", False),
    ],
)
def test_ready_is_what_the_service_says(answer: bytes, expected: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        pid = os.fork()
        if not pid:
            connection, _ = server.accept()
            connection.recv(65_536)
            connection.sendall(answer)
            connection.close()
            os._exit(0)
        assert local.ready(f"http://127.0.0.1:{server.getsockname()[1]}/") is expected
        os.waitpid(pid, 0)


def test_nobody_there_is_not_ready() -> None:
    assert not local.ready(f"http://127.0.0.1:{local.free_port()}/")
