"""Runs on a cluster: found by name, decided by what the gate left in the registry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from components.contract.errors import TamisError
from components.registry.aliases import decision_tags
from pipelines.retraining import retraining_document
from pipelines.trigger.kfp_runner import KfpRunner
from pipelines.trigger.ledger import Run
from pipelines.trigger.settings import KfpSettings, RetrainingSettings
from tests.pipelines.kfp_server import KfpServer
from tests.pipelines.trigger.parts import CHAMPION, NOW, registry

RUN = Run("run-1", "test", NOW, "starting", 1, {}, None, None, None, None, {})
DOCUMENT = retraining_document(
    {
        "source": {"uri": "https://data.example.com/reviews.csv"},
        "tokenizers": {"bpe": {"strategy": "bpe"}},
        "architectures": {"logistic": {}},
        "register": {"model_name": "m"},
    },
    "s3://bucket/feedback.jsonl",
    CHAMPION,
    RetrainingSettings(),
)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def server() -> Iterator[KfpServer]:
    with KfpServer() as running:
        yield running


def runner(server: KfpServer, folder: Path, **tags: str) -> KfpRunner:
    return KfpRunner(KfpSettings(server.url), registry(folder, **tags), settle_s=0.01)


def test_a_run_is_found_by_its_name(server: KfpServer, tmp_path: Path) -> None:
    one = runner(server, tmp_path)
    assert one.find(RUN) is None
    external = one.start(RUN, DOCUMENT)
    assert runner(server, tmp_path).find(RUN) == external
    assert runner(server, tmp_path).find(replace(RUN, id="run-2")) is None
    (run,) = server.runs.values()
    assert run["display_name"] == "run-1"


@pytest.mark.parametrize(
    ("gate", "outcome", "code"),
    [
        ("promoted", "promoted", "promoted"),
        ("refused", "refused", "refused"),
        ("unchanged", "refused", "unchanged"),
        ("", "failed", "no_decision"),
    ],
)
def test_the_gate_decides(
    server: KfpServer, tmp_path: Path, gate: str, outcome: str, code: str
) -> None:
    one = runner(server, tmp_path)
    external = one.start(RUN, DOCUMENT)
    # Of another run's promotion nothing may be taken for this one's.
    tags = {"gate": "promoted", "gate_reason": "Of another run."}
    tags |= decision_tags(external if gate else "another", gate or "promoted", "So it is.")
    registry(tmp_path, **tags)
    started = replace(RUN, details={"external": external})
    server.states = [{"": "RUNNING", "ingest": "RUNNING"}, {"": "SUCCEEDED"}]
    assert one.look(started) is None
    ending = one.look(started)
    assert ending is not None
    assert (ending.outcome, ending.code) == (outcome, code)
    if gate:
        assert ending.message == "So it is."


@pytest.mark.parametrize("state", ["FAILED", "CANCELED"])
def test_a_run_that_failed_has_failed(server: KfpServer, tmp_path: Path, state: str) -> None:
    one = runner(server, tmp_path, gate="promoted")
    started = replace(RUN, details={"external": one.start(RUN, DOCUMENT)})
    server.states = [{"": state}]
    ending = one.look(started)
    assert ending is not None
    assert (ending.outcome, ending.code) == ("failed", "run_failed")
    assert str(started.details["external"]) in ending.message


def test_a_server_that_is_away_is_no_answer(server: KfpServer, tmp_path: Path) -> None:
    one = runner(server, tmp_path)
    one.start(RUN, DOCUMENT)
    server.refuse[("GET", "/runs")] = (500, "The database is away.")
    with pytest.raises(TamisError):
        one.find(RUN)
    with pytest.raises(TamisError):
        one.look(replace(RUN, details={"external": "x"}))
