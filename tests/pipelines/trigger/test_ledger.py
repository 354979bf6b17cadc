"""The ledger under a crowd, after restarts, and on files that are none."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.contract.errors import InputError, TamisError
from pipelines.trigger.ledger import Ledger
from tests.pipelines.trigger.parts import NOW, SETTINGS, ended, ids


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.db")


def ask(ledger: Ledger, run_id: str, *causes: str, now: float = NOW, labels: int | None = 3) -> str:
    refused = ledger.request(run_id, "test", causes, SETTINGS, labels, now)
    return refused.reason if refused else ""


def test_a_crowd_that_asks_for_one_cause_gets_one_run(ledger: Ledger) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: ask(Ledger(ledger.path), f"run-{n}", "a"), range(100)))
    assert answers.count("") == 1
    assert set(answers) == {"", "duplicate"}
    assert len(ids(ledger)) == 1
    assert ledger.counts().refusals == {"duplicate": 99}


def test_a_crowd_of_different_causes_gets_one_run_at_a_time(ledger: Ledger) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: ask(ledger, f"run-{n}", f"cause-{n}"), range(50)))
    assert answers.count("") == 1
    assert answers.count("running") == 49


def test_asking_writes_nothing_down(ledger: Ledger) -> None:
    assert ask(ledger, "run-1", "a", labels=None) == ""
    assert ids(ledger) == []
    assert ask(ledger, "run-1", "a") == ""


def test_a_new_cause_beside_an_old_one_is_no_duplicate(ledger: Ledger) -> None:
    ask(ledger, "run-1", "a")
    ended(ledger, "run-1", NOW)
    later = NOW + 601
    assert ask(ledger, "run-2", "a", now=later) == "duplicate"
    assert ask(ledger, "run-2", "a", "b", now=later) == ""
    assert ask(ledger, "run-3", "b", now=later) == "duplicate"


def test_the_budget_and_the_cool_down_survive_a_restart(ledger: Ledger) -> None:
    for number in (0, 1):
        start = NOW + 700 * number
        assert ask(Ledger(ledger.path), f"run-{number}", f"c{number}", now=start) == ""
        ended(ledger, f"run-{number}", start + 1)
        assert ask(Ledger(ledger.path), "run-x", "x", now=start + 2) == "cooldown"
    assert ask(Ledger(ledger.path), "run-2", "c2", now=NOW + 1_400) == "budget"
    assert ask(Ledger(ledger.path), "run-2", "c2", now=NOW + 86_401) == ""


def test_a_second_process_cannot_move_a_run_that_the_first_has_moved(ledger: Ledger) -> None:
    ask(ledger, "run-1", "a")
    read = ledger.unfinished()
    assert read is not None
    ledger.advance(read, "prepared", rows=3)
    with pytest.raises(TamisError, match="taken over") as caught:
        ledger.advance(read, "prepared", rows=4)
    assert caught.value.code == "moved_meanwhile"
    now = ledger.run("run-1")
    assert now is not None
    assert now.details == {"rows": 3}


def test_only_decided_runs_are_the_last_decided_one(ledger: Ledger) -> None:
    ask(ledger, "run-1", "a")
    ended(ledger, "run-1", NOW, until=7)
    ask(ledger, "run-2", "b", now=NOW + 601)
    ended(ledger, "run-2", NOW + 602, "failed")
    last = ledger.last_decided()
    assert last is not None
    assert (last.id, last.details["until"]) == ("run-1", 7)
    assert ledger.counts().outcomes == {"refused": 1, "failed": 1}


def test_a_newer_ledger_is_refused(ledger: Ledger) -> None:
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(InputError) as caught:
        Ledger(ledger.path)
    assert caught.value.code == "newer_schema"


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(InputError) as caught:
        Ledger(file)
    assert caught.value.code == "not_a_ledger"
