"""`make monitor` as it is typed: found programs, ports, Ctrl-C, and who is watched."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from manifests.monitoring.monitor import served
from serving.local import free_port
from tests.conftest import ROOT
from tests.manifests.monitoring.promtool import run
from tests.serving.processes import Process, alive, answers, wait_until

MODULE = "manifests.monitoring.monitor"


def test_a_program_that_is_missing_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    done = run(sys.executable, "-m", MODULE, f"--folder={tmp_path / 'monitor'}")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "not_installed: Prometheus is not installed. "
        "On Debian and Ubuntu: apt-get install prometheus prometheus-alertmanager."
    )
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "monitor").exists()


def test_a_folder_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "file").write_text("")
    ports = [f"--prometheus-port={free_port()}", f"--alertmanager-port={free_port()}"]
    done = run(sys.executable, "-m", MODULE, f"--folder={tmp_path / 'file' / 'monitor'}", *ports)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert str(tmp_path / "file") in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x", ""])
def test_a_port_that_is_none_is_told(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    done = run(sys.executable, "-m", MODULE, f"--prometheus-port={port}")
    assert done.returncode == 2
    assert "argument --prometheus-port" in done.stderr.splitlines()[-1]


@pytest.fixture
def ports() -> tuple[int, int]:
    return free_port(), free_port()


@pytest.fixture
def monitor(tmp_path: Path, ports: tuple[int, int]) -> Iterator[Process]:
    where = [f"--prometheus-port={ports[0]}", f"--alertmanager-port={ports[1]}", "--quick"]
    process = Process([sys.executable, "-m", MODULE, *where], tmp_path, "monitor")
    process.start()
    yield process
    process.end()


def children(pid: int) -> list[int]:
    return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.service
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_both(number: signal.Signals, monitor: Process, ports: tuple[int, int]) -> None:
    monitor.wait_until(lambda: "Prometheus at" in monitor.text(), "a ready monitor")
    for port in ports:
        assert answers(f"http://127.0.0.1:{port}/-/ready")
    started = children(monitor.pid)
    assert len(started) == 2
    monitor.signal(number)
    assert monitor.ended(30) == 0
    assert not any(map(alive, started))


@pytest.mark.service
def test_a_program_that_ends_ends_the_other(monitor: Process) -> None:
    monitor.wait_until(lambda: "Prometheus at" in monitor.text(), "a ready monitor")
    first, second = children(monitor.pid)
    os.kill(first, signal.SIGKILL)
    assert monitor.ended(30) == 1
    assert "monitor_ended: Alertmanager ended" in monitor.text()
    assert not alive(second)


@pytest.mark.service
def test_killed_it_leaves_nobody_behind(monitor: Process) -> None:
    monitor.wait_until(lambda: "Prometheus at" in monitor.text(), "a ready monitor")
    started = children(monitor.pid)
    monitor.kill()
    wait_until(lambda: not any(map(alive, started)), "both gone")


@pytest.mark.service
def test_a_port_that_is_taken_is_told(monitor: Process, ports: tuple[int, int]) -> None:
    monitor.wait_until(lambda: "Prometheus at" in monitor.text(), "a ready monitor")
    where = [f"--prometheus-port={ports[0]}", f"--alertmanager-port={ports[1]}"]
    other = Process([*monitor.command[:3], *where], monitor.folder, "other")
    other.start()
    assert other.ended(30) == 2
    assert f"bad_address: Port {ports[0]} can't be listened at" in other.text()
    assert monitor.alive


@pytest.mark.service
def test_a_service_that_starts_later_elsewhere_is_found(
    monitor: Process, ports: tuple[int, int]
) -> None:
    monitor.wait_until(lambda: "`tamis serve` is found" in monitor.text(), "a ready monitor")
    file = monitor.folder / ".tamis" / "serving.yaml"

    def targets() -> set[str]:
        told = httpx.get(f"http://127.0.0.1:{ports[0]}/api/v1/targets", trust_env=False).json()
        return {target["scrapeUrl"] for target in told["data"]["activeTargets"]}

    for first, second in ((1001, 1002), (1003, 1004)):
        file.write_text(f"predictor: http://127.0.0.1:{first}\nmetrics_port: {second}\n")
        wanted = {f"http://127.0.0.1:{port}/metrics" for port in (first, second, 9091)}
        wait_until(lambda wanted=wanted: targets() == wanted, f"{wanted} are watched", 30)  # type: ignore[misc]


@pytest.mark.service
@pytest.mark.slow
def test_what_tamis_serves_is_watched(
    monitor: Process, ports: tuple[int, int], bundle: Path
) -> None:
    """Both commands in one folder, as the README has them."""
    where = [f"--port={free_port()}", f"--metrics-port={free_port()}", f"--bundle={bundle}"]
    script = "from pipelines.cli import main; main()"
    command = [sys.executable, "-c", script, "serve", "--drift=own", *where]
    service = Process(command, monitor.folder, "serve")
    service.start()
    try:
        service.wait_until(lambda: "Serving at" in service.text(), "a ready service")

        def up() -> dict[str, str]:
            url = f"http://127.0.0.1:{ports[0]}/api/v1/query?query=up"
            found = httpx.get(url, trust_env=False).json()["data"]["result"]
            return {series["metric"]["component"]: series["value"][1] for series in found}

        wanted = {"predictor": "1", "transformer": "1", "retrain": "0"}  # no trigger runs
        wait_until(lambda: up() == wanted, "both are up", 60)
    finally:
        service.end()


@pytest.mark.parametrize("text", ["", "[", "a: 1", "[]", "predictor: 5\nmetrics_port: x", "\x00"])
def test_a_file_that_says_nothing_is_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "serving.yaml").write_text(text)
    assert served(tmp_path / "serving.yaml") == {}
    assert served(tmp_path / "absent.yaml") == {}


def test_what_serve_writes_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.serving_cli import _write_config

    monkeypatch.chdir(tmp_path)
    file = _write_config({"predictor": "http://127.0.0.1:41", "port": 8080, "metrics_port": 42})
    assert served(file) == {"predictor": "127.0.0.1:41", "transformer": "127.0.0.1:42"}
    assert str(file) == ".tamis/serving.yaml"
