"""kill -9 of the trigger at each step: the run goes on, and there is never a second one."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.trigger.ledger import Ledger
from tests.conftest import ROOT
from tests.pipelines.kfp_server import KfpServer
from tests.pipelines.trigger.killed import POINTS
from tests.pipelines.trigger.parts import ids

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def server() -> Iterator[KfpServer]:
    with KfpServer() as running:
        yield running


def process(folder: Path, point: int, kfp: str = "") -> int:
    command = [sys.executable, "-m", "tests.pipelines.trigger.killed", str(folder), str(point)]
    done = subprocess.run(
        [*command, *([kfp] if kfp else [])], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


@pytest.mark.parametrize("point", range(1, POINTS + 1))
def test_a_kill_at_each_step_is_followed_by_one_run(tmp_path: Path, point: int) -> None:
    assert process(tmp_path, point) == -signal.SIGKILL
    assert process(tmp_path, 0) == 0, "Alertmanager comes again"
    assert process(tmp_path, 0) == 0, "and again"
    ledger = Ledger(tmp_path / "ledger.db")
    (run_id,) = ids(ledger)
    run = ledger.run(run_id)
    assert run is not None
    assert (run.state, run.outcome, run.attempts) == ("ended", "promoted", 1)
    executions = (tmp_path / "executions").read_text().splitlines()
    assert [line.split()[0] for line in executions] == [run_id]


def test_one_kill_after_the_other_still_makes_one_run(tmp_path: Path) -> None:
    for point in range(1, POINTS + 1):
        process(tmp_path, point)
    process(tmp_path, 0)
    ledger = Ledger(tmp_path / "ledger.db")
    (run_id,) = ids(ledger)
    assert len((tmp_path / "executions").read_text().splitlines()) == 1
    run = ledger.run(run_id)
    assert run is not None
    assert run.outcome == "promoted"


# Before the run is created there, after it and before anybody wrote that down, and after that.
@pytest.mark.parametrize("point", [7, 8, 9])
def test_a_cluster_is_asked_for_one_run(tmp_path: Path, server: KfpServer, point: int) -> None:
    before = len(server.runs)
    assert process(tmp_path, point, server.url) == -signal.SIGKILL
    assert process(tmp_path, 0, server.url) == 0
    ledger = Ledger(tmp_path / "ledger.db")
    (run_id,) = ids(ledger)
    named = [run["display_name"] for run in server.runs.values()][before:]
    assert named == [run_id]
    run = ledger.run(run_id)
    assert run is not None
    assert run.outcome == "promoted"
