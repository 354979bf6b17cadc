"""The trials so far, in a SQLite file that a kill leaves whole."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.contract.errors import InputError
from components.contract.search import Search
from components.tune.choose import rank
from components.tune.space import changed, distributions, sampler
from pipelines.tune.process import Outcome, Watch

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, Trial

WARM = 4
"""Complete trials before one is given up: the median of fewer says little (Golovin et al. 2017,
https://doi.org/10.1145/3097983.3098043, section 3.2.2)."""


@dataclass(frozen=True)
class Tried:
    """A trial with a score.

    Attributes:
        number: Its number in the study.
        changes: What it overrides the architecture's section with; empty for the section itself.
        scores: As `measure`.
    """

    number: int
    changes: Mapping[str, Any]
    scores: Mapping[str, Any]


class Study:
    """An Optuna study of one search on one dataset.

    Args:
        folder: Where it is kept.
        name: Says what it is of; another name is another study.
        search: The space.
        metric: The score to raise.
        seed: Decides what is proposed.
    """

    def __init__(self, folder: Path, name: str, search: Search, metric: str, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._search, self._metric, self._seed = search, metric, seed
        self._study = optuna.create_study(
            storage=optuna.storages.RDBStorage(f"sqlite:///{folder.absolute() / 'study.db'}"),
            study_name=name,
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=WARM),
        )

    @property
    def notes(self) -> Mapping[str, Any]:
        """What was noted of the study."""
        return self._study.user_attrs

    def note(self, name: str, value: Any) -> None:
        """Keep something with the study."""
        self._study.set_user_attr(name, value)

    def abandoned(self) -> Iterator[Mapping[str, Any]]:
        """Give up trials that a kill has left running; their settings will be tried again.

        Yields:
            What was noted of each.
        """
        from optuna.trial import TrialState

        for trial in self._study.get_trials(states=(TrialState.RUNNING,)):
            self._study.tell(trial.number, state=TrialState.FAIL)
            self._study.enqueue_trial(trial.params)
            yield trial.user_attrs

    def ask(self) -> tuple[Trial, dict[str, Any]]:
        """The next trial, and what it overrides the architecture's section with."""
        # A seed a trial: a study that goes on doesn't begin its random numbers anew.
        self._study.sampler = sampler(self._seed + len(self._study.trials))
        trial = self._study.ask(distributions(self._search))
        return trial, changed(self._search, trial.params)

    def watch(self, trial: Trial) -> Watch:
        """Reports a trial's looks, and gives it up below the median of the others at that look."""

        def look(number: int, score: float) -> bool:
            trial.report(score, number)
            return trial.should_prune()

        return look

    def tell(self, trial: Trial, changes: Mapping[str, Any], outcome: Outcome) -> None:
        """Keep a trial's outcome; one that ran out of time will be tried again."""
        from optuna.trial import TrialState

        trial.set_user_attr("changes", dict(changes))
        if outcome.state == "complete":
            trial.set_user_attr("scores", dict(outcome.scores))
            self._study.tell(trial, outcome.scores[self._metric])
        elif outcome.state == "pruned":
            self._study.tell(trial, state=TrialState.PRUNED)
        else:
            trial.set_user_attr("reason", outcome.reason)
            self._study.tell(trial, state=TrialState.FAIL)
            if outcome.state == "stopped":
                self._study.enqueue_trial(trial.params)

    def add_current(self, settings: Mapping[str, Any], outcome: Outcome) -> None:
        """Keep what the settings reach that are to be bettered.

        Args:
            settings: The architecture's section.
            outcome: What became of it.
        """
        from optuna.trial import TrialState, create_trial

        space = self._search.space
        known = all(values.contains(settings.get(name)) for name, values in space.items())
        complete = outcome.state == "complete"
        self._study.add_trial(
            create_trial(
                state=TrialState.COMPLETE if complete else TrialState.FAIL,
                value=outcome.scores[self._metric] if complete else None,
                params={name: settings[name] for name in space} if known else {},
                distributions=distributions(self._search) if known else {},
                intermediate_values=dict(outcome.looks),
                user_attrs={
                    "current": True,
                    "changes": {},
                    "scores": dict(outcome.scores),
                    "reason": outcome.reason,
                },
            )
        )

    @property
    def has_current(self) -> bool:
        """Whether the settings that are to be bettered have been tried."""
        return any(trial.user_attrs.get("current") for trial in self._study.trials)

    def current(self) -> Tried | None:
        """The trial of those settings, if it succeeded."""
        return next((_tried(t) for t in self._complete() if t.user_attrs.get("current")), None)

    def best(self) -> Tried | None:
        """The best trial; among equals the smaller loss, then the earlier."""
        tried = [_tried(trial) for trial in self._complete()]
        return min(tried, key=lambda t: (*rank(t.scores, self._metric), t.number), default=None)

    def counts(self) -> dict[str, int]:
        """Trials by what became of them."""
        from optuna.trial import TrialState

        states = [trial.state for trial in self._study.trials]
        kinds = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
        names = ("complete", "pruned", "failed")
        return {name: states.count(kind) for name, kind in zip(names, kinds, strict=True)}

    def _complete(self) -> list[FrozenTrial]:
        from optuna.trial import TrialState

        return self._study.get_trials(states=(TrialState.COMPLETE,))


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a study's folder; the lock goes with the process, however it ends.

    Args:
        folder: The folder; made when there is none.

    Yields:
        Once the lock is held.

    Raises:
        InputError: `study_busy` while another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                "study_busy", f"Another process works on the study in {str(folder)!r}.", "Wait."
            ) from error
        yield


def _tried(trial: FrozenTrial) -> Tried:
    attributes = trial.user_attrs
    return Tried(trial.number, attributes["changes"], attributes["scores"])
