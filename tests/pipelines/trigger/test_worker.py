"""The worker's steps where something is away, gone, or somebody else's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from components.contract.errors import InputError, TamisError
from pipelines.trigger.ledger import Ledger, Run
from pipelines.trigger.runner import Ending
from pipelines.trigger.settings import RetrainingSettings
from pipelines.trigger.worker import TRIES, Worker
from pipelines.trigger.working import working
from tests.pipelines.trigger.parts import CHAMPION, DOCUMENT, NOW, SETTINGS, ListedLabels, registry


@dataclass
class Cluster:
    """Somewhere that runs are started, of whose answers some get lost."""

    started: list[str] = field(default_factory=list)
    documents: list[Mapping[str, Any]] = field(default_factory=list)
    lost: int = 0
    error: TamisError | None = None

    def start(self, run: Run, document: Mapping[str, Any]) -> str:
        if self.error is not None:
            raise self.error
        self.started.append(run.id)
        self.documents.append(document)
        if self.lost:
            self.lost -= 1
            raise TamisError("unreachable", "The answer got lost.")
        return "external"

    def find(self, run: Run) -> str | None:
        return "external" if run.id in self.started else None

    def look(self, run: Run) -> Ending | None:
        assert run.details["external"] == "external"
        return Ending("refused", "refused", "Not better.", {"rows": {"train": 3}})

    def close(self) -> None: ...


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "ledger.db")
    assert ledger.request("run-1", "test", ("a",), SETTINGS, 3, NOW) is None
    return ledger


def worker(folder: Path, ledger: Ledger, cluster: Cluster, **parts: Any) -> Worker:
    settings = RetrainingSettings(store=str(folder / "store"))
    champion = parts.get("registry") or registry(folder)
    return Worker(
        ledger, ListedLabels(), cluster, champion, DOCUMENT, settings,
        clock=lambda: NOW, retry_s=0.0,
    )  # fmt: skip


def to_the_end(one: Worker, ledger: Ledger) -> Run:
    for _ in range(3 * TRIES):
        if ledger.unfinished() is None:
            break
        one.step()
    run = ledger.run("run-1")
    assert run is not None
    return run


def test_a_run_is_made_of_the_old_data_and_a_version_of_the_labels(
    tmp_path: Path, ledger: Ledger
) -> None:
    cluster = Cluster()
    run = to_the_end(worker(tmp_path, ledger, cluster), ledger)
    assert (run.outcome, run.message, run.summary) == (
        "refused",
        "Not better.",
        {"rows": {"train": 3}},
    )
    assert run.details["rows"] == run.details["fresh"] == 5
    assert run.details["until"] == int(NOW * 1e6)
    (document,) = cluster.documents
    assert document["source"] == {"uri": "reviews.csv"}
    assert document["ingest"]["feedback"]["uri"] == run.details["feedback"]
    assert Path(run.details["feedback"]).read_text().count("\n") == 5
    assert document["register"]["retrain"]["champion"] == CHAMPION
    assert document["register"]["model_name"] == "m"


def test_a_start_whose_answer_got_lost_is_found_and_not_repeated(
    tmp_path: Path, ledger: Ledger
) -> None:
    cluster = Cluster(lost=1)
    assert to_the_end(worker(tmp_path, ledger, cluster), ledger).outcome == "refused"
    assert cluster.started == ["run-1"]


def test_what_may_pass_is_tried_for_a_while(tmp_path: Path, ledger: Ledger) -> None:
    cluster = Cluster(error=TamisError("unreachable", "Nobody answers."))
    one = worker(tmp_path, ledger, cluster)
    for _ in range(TRIES - 5):
        one.step()
    assert ledger.unfinished() is not None
    run = to_the_end(one, ledger)
    assert (run.outcome, run.code, run.message) == ("failed", "unreachable", "Nobody answers.")


def test_what_will_not_pass_ends_the_run(tmp_path: Path, ledger: Ledger) -> None:
    cluster = Cluster(error=InputError("bad_parameter", "This can't work."))
    one = worker(tmp_path, ledger, cluster)
    for _ in range(3):
        one.step()
    assert ledger.unfinished() is None


def test_a_champion_that_is_gone_ends_the_run(tmp_path: Path, ledger: Ledger) -> None:
    gone = registry(tmp_path, champion="")
    run = to_the_end(worker(tmp_path, ledger, Cluster(), registry=gone), ledger)
    assert (run.outcome, run.code) == ("failed", "no_champion")


def test_one_process_works_at_a_time(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with working(lock) as first, working(lock) as second:
        assert (first, second) == (True, False)
    with working(lock) as third:
        assert third
