"""Runs as processes: one at a time, adopted, taken up again, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.trigger.ledger import Ledger, Run
from pipelines.trigger.leftovers import end_session
from pipelines.trigger.local_runner import LOCK, SESSION, LocalRunner
from pipelines.trigger.runner import Ending, LostError
from pipelines.trigger.worker import Worker
from tests.pipelines.trigger.parts import (
    DOCUMENT,
    NOW,
    SETTINGS,
    ListedLabels,
    registry,
)

SCRIPT = str(Path(__file__).with_name("quick_run.py"))
RUN = Run("run-1", "test", NOW, "starting", 1, {}, None, None, None, None, {})
PATIENCE_S = 60.0


def runner(folder: Path, seconds: float) -> LocalRunner:
    return LocalRunner(folder / "runs", (sys.executable, SCRIPT, str(seconds)))


@pytest.fixture
def executions(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "executions"
    for number in pids(tmp_path / "executions"):
        try:
            os.killpg(number, signal.SIGKILL)
        except ProcessLookupError:
            continue


def pids(file: Path) -> list[int]:
    return [int(line.split()[1]) for line in file.read_text().splitlines()] if file.exists() else []


def until(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def look(one: LocalRunner) -> Ending:
    ending = None
    deadline = time.monotonic() + PATIENCE_S
    while ending is None:
        assert time.monotonic() < deadline
        ending = one.look(RUN)
        time.sleep(0.02)
    return ending


def test_a_run_that_ended_says_how(tmp_path: Path, executions: Path) -> None:
    one = runner(tmp_path, 0)
    assert one.find(RUN) is None
    one.start(RUN, DOCUMENT)
    assert look(one).outcome == "promoted"
    assert runner(tmp_path, 0).find(RUN) == "", "another process finds it too"


def test_a_run_that_goes_on_is_adopted_and_not_started_again(
    tmp_path: Path, executions: Path
) -> None:
    one, other = runner(tmp_path, 1.0), runner(tmp_path, 1.0)
    one.start(RUN, DOCUMENT)
    assert one.look(RUN) is None, "from its first moment on"
    assert other.find(RUN) == ""
    other.start(RUN, DOCUMENT)
    assert other.look(RUN) is None
    assert look(other).outcome == "promoted"
    other.start(RUN, DOCUMENT)
    assert look(other).outcome == look(one).outcome == "promoted"
    assert len(pids(executions)) == 1


def test_a_run_whose_process_was_killed_is_lost(tmp_path: Path, executions: Path) -> None:
    one = runner(tmp_path, 60)
    one.start(RUN, DOCUMENT)
    until(lambda: pids(executions))
    os.kill(pids(executions)[0], signal.SIGKILL)
    until(lambda: one.find(RUN) is None)
    with pytest.raises(LostError) as caught:
        one.look(RUN)
    assert caught.value.code == "run_died"


def test_closing_ends_the_run_and_its_children(tmp_path: Path, executions: Path) -> None:
    one = runner(tmp_path, 60)
    one.start(RUN, DOCUMENT)
    until(lambda: pids(executions))
    one.close()
    assert one.find(RUN) is None


def test_what_a_killed_run_left_behind_is_ended(tmp_path: Path) -> None:
    """A stage's process outlives its run's; nobody else's process is touched."""
    script = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', sys.argv[1]])"
    sleeper = "import time; time.sleep(60)"
    environment = {**os.environ, "TAMIS_RUN_ID": "run-1"}
    parent = subprocess.Popen(
        [sys.executable, "-c", script + "; time.sleep(60)", sleeper],
        env=environment,
        start_new_session=True,
    )
    other = subprocess.Popen([sys.executable, "-c", sleeper], start_new_session=True)
    try:
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
        until(lambda: children.read_text().split())
        child = int(children.read_text().split()[0])
        parent.kill()
        parent.wait()
        (tmp_path / SESSION).write_text(str(parent.pid))
        assert end_session(tmp_path / SESSION, "run-2") == 0, "it isn't that run's"
        assert Path(f"/proc/{child}").exists()
        assert end_session(tmp_path / SESSION, "run-1") == 1
        until(lambda: "State:\tZ" in _status(child) or not Path(f"/proc/{child}").exists())
        (tmp_path / SESSION).write_text(str(other.pid))
        assert end_session(tmp_path / SESSION, "run-1") == 0, "a number that was given out again"
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def _status(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return "State:\tZ"


@pytest.mark.parametrize("content", ["", "x", "-1", "0"])
def test_a_session_file_that_is_none_ends_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / SESSION).write_text(content)
    assert end_session(tmp_path / SESSION, "run-1") == 0
    assert end_session(tmp_path / "missing", "run-1") == 0


def test_a_run_that_keeps_dying_is_given_up(tmp_path: Path) -> None:
    ledger, labels = Ledger(tmp_path / "ledger.db"), ListedLabels()
    dying = LocalRunner(tmp_path / "runs", (sys.executable, "-c", "raise SystemExit(1)"))
    settings = type(SETTINGS)(store=str(tmp_path / "store"), attempts=3)
    worker = Worker(ledger, labels, dying, registry(tmp_path), DOCUMENT, settings, retry_s=0)
    ledger.request("run-1", "test", ("a",), SETTINGS, 3, NOW)
    until(lambda: not worker.step() and ledger.unfinished() is None)
    run = ledger.run("run-1")
    assert run is not None
    assert (run.outcome, run.code, run.attempts) == ("failed", "run_died", 3)
    assert (tmp_path / "runs" / "run-1" / LOCK).exists()
