"""The study: what is proposed next, what a second session finds, when a trial is given up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.contract.search import OneOf, Reals, Search, Whole
from pipelines.tune.process import Outcome
from pipelines.tune.study import WARM, Study

SEARCH = Search(
    {"rate": Reals(1e-4, 1.0, log=True), "width": Whole(1, 9), "kind": OneOf(("a", None))},
    {"looks": 4},
)
CURRENT = {"rate": 0.01, "width": 3, "kind": None, "other": "x"}


def study(folder: Path, seed: int = 1, name: str = "data") -> Study:
    return Study(folder, name, SEARCH, "macro_f1", seed)


def complete(score: float, loss: float = 0.5, looks: dict[int, float] | None = None) -> Outcome:
    scores = {"macro_f1": score, "accuracy": 0.1, "log_loss": loss}
    return Outcome("complete", scores, looks or {})


def tried(of: Study, outcome: Outcome) -> dict[str, Any]:
    trial, changes = of.ask()
    of.tell(trial, changes, outcome)
    return changes


def test_the_same_seed_and_results_propose_the_same(tmp_path: Path) -> None:
    made = []
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        own = study(tmp_path / place)
        made.append([tried(own, complete(0.1 * n)) for n in range(6)])
    assert made[0] == made[1]
    assert len({str(changes) for changes in made[0]}) == 6
    assert all(changes["looks"] == 4 for changes in made[0])


def test_a_second_session_goes_on(tmp_path: Path) -> None:
    first = study(tmp_path)
    first.add_current(CURRENT, complete(0.4))
    before = [tried(first, complete(0.5, loss)) for loss in (0.9, 0.3, 0.3)]
    second = study(tmp_path)
    assert second.has_current
    current, best = second.current(), second.best()
    assert current is not None
    assert (current.number, current.changes, current.scores["macro_f1"]) == (0, {}, 0.4)
    assert best is not None
    assert (best.number, best.changes) == (2, before[1])
    assert tried(second, complete(0.1)) not in before
    assert second.counts() == {"complete": 5, "pruned": 0, "failed": 0}
    assert not study(tmp_path, name="other data").has_current


def test_what_was_running_at_a_kill_is_tried_again(tmp_path: Path) -> None:
    first = study(tmp_path)
    trial, changes = first.ask()
    trial.set_user_attr("run", "r1")
    second = study(tmp_path)
    assert [left["run"] for left in second.abandoned()] == ["r1"]
    assert list(second.abandoned()) == []
    assert tried(second, complete(0.1)) == changes
    assert tried(second, complete(0.1)) != changes


@pytest.mark.parametrize(("state", "again"), [("stopped", True), ("failed", False)])
def test_what_ran_out_of_time_is_tried_again(state: Any, again: bool, tmp_path: Path) -> None:
    own = study(tmp_path)
    changes = tried(own, Outcome(state, reason="diverged: nan"))
    assert (tried(own, complete(0.1)) == changes) is again
    assert own.counts()["failed"] == 1
    assert own.best() is not None


def test_below_the_median_of_the_others_a_trial_is_given_up(tmp_path: Path) -> None:
    own = study(tmp_path)
    own.add_current(CURRENT, complete(0.5, looks={1: 0.5, 2: 0.6}))
    for number in range(WARM - 1):
        trial, changes = own.ask()
        look = own.watch(trial)
        assert not look(1, 0.1 * number), "so few say nothing"
        own.tell(trial, changes, complete(0.1 * number))
    trial, changes = own.ask()
    look = own.watch(trial)
    assert not look(1, 0.16), "the median of 0.5, 0, 0.1 and 0.2 is 0.15"
    assert look(2, 0.3)
    own.tell(trial, changes, Outcome("pruned"))
    assert own.counts() == {"complete": WARM, "pruned": 1, "failed": 0}


@pytest.mark.parametrize("settings", [CURRENT, {**CURRENT, "rate": None}, {}])
def test_current_settings_outside_the_space_are_kept_too(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    own = study(tmp_path)
    own.add_current(settings, complete(0.4))
    found = own.current()
    assert found is not None
    assert found.scores["macro_f1"] == 0.4


def test_current_settings_that_fail_are_not_tried_again(tmp_path: Path) -> None:
    own = study(tmp_path)
    own.add_current(CURRENT, Outcome("failed", reason="diverged"))
    assert own.has_current
    assert own.current() is own.best() is None
