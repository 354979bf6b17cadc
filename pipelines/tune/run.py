"""The search: ingest and tokenize once, then trials until the time is over."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from components.contract.artifact import Manifest
from components.contract.cache import prune
from components.contract.environment import environment
from components.contract.errors import TamisError
from components.contract.search import Search
from components.contract.settings import build
from components.tune.space import search_of
from pipelines.parameters import Parameters
from pipelines.tune.process import Outcome, Watch, run_trial
from pipelines.tune.study import Study, Tried, alone
from pipelines.tune.tracking import TuneTracking

ROOT = Path(".tamis") / "tune"

FAILURES = 5
"""Failed trials in a row that end a search: it isn't the settings then."""

Told = Callable[[int, Mapping[str, Any], Outcome], None]
"""Called with a trial's number, its changes and what became of it."""


@dataclass(frozen=True)
class Found:
    """What a search came to.

    Attributes:
        folder: Where the study is kept.
        metric: What it raised.
        current: The settings that were to be bettered; None when they can't be trained.
        best: The best trial, which may be that of the current settings.
        counts: Trials by what became of them, earlier sessions' among them.
    """

    folder: Path
    metric: str
    current: Tried | None
    best: Tried
    counts: Mapping[str, int]


def tune(
    parameters: Parameters, name: str, seconds: float, trials: int | None, told: Told
) -> Found:
    """Search an architecture's settings; goes on where an earlier call was stopped.

    Args:
        parameters: The parameter file's, with that architecture.
        name: The architecture.
        seconds: From the first trial on; then none is begun any more, and the one under way is
            stopped.
        trials: Most trials of this call; None for no bound but time.
        told: Told of each trial.

    Returns:
        The best settings by the validation rows.

    Raises:
        TamisError: `no_trial` when none succeeded, `study_busy`, and as ingest, tokenize and
            MLflow.
    """
    search, settings = search_of(name), dict(parameters.architectures[name])
    metric = str(parameters.register["metric"])
    folder = ROOT / f"{name}-{_digest(parameters, name, search)[:12]}"
    _set_environment()
    with alone(folder):
        data, identity = _data(parameters, str(settings["tokenizer"]), folder / "data")
        study = Study(folder, identity, search, metric, int(settings.get("seed", 0)))
        tracking = _tracking(parameters, study, name, folder)
        deadline = time.monotonic() + seconds
        for left in study.abandoned():
            if "run" in left:
                tracking.abandon(left["run"])
        session = _Session(study, tracking, settings, name, data, folder, deadline, told)
        session.run(trials)
        best = study.best()
        if best is None:
            raise TamisError(
                "no_trial",
                session.reason or f"No trial ended within {seconds:.0f} s.",
                "The study is kept: the same call goes on with it, best with more time.",
            )
        tracking.close(best.scores, best.changes)
        current, counts = study.current(), study.counts()
    cache = environment().cache
    if cache is not None:
        prune(cache, environment().cache_bytes)
    return Found(folder, metric, current, best, counts)


class _Session:
    """Trials one after the other."""

    def __init__(
        self,
        study: Study,
        tracking: TuneTracking,
        settings: Mapping[str, Any],
        name: str,
        data: tuple[Path, Path],
        folder: Path,
        deadline: float,
        told: Told,
    ) -> None:
        self._study, self._tracking, self._settings = study, tracking, settings
        self._name, self._data, self._folder = name, data, folder
        self._deadline, self._told = deadline, told
        self.reason, self._failures = "", 0

    def run(self, trials: int | None) -> None:
        """Trials until their number or the time is over; the first changes nothing."""
        done = 0
        while (
            (trials is None or done < trials)
            and time.monotonic() < self._deadline
            and self._failures < FAILURES
        ):
            if self._study.has_current:
                self._searched()
            else:
                self._current()
            done += 1

    def _current(self) -> None:
        run = self._tracking.begin("current", self._settings)
        outcome = self._train(0, {}, lambda number, score: False)
        self._tracking.end(run, outcome)
        if outcome.state != "stopped":
            self._study.add_current(self._settings, outcome)
        self._told(0, {}, outcome)

    def _searched(self) -> None:
        trial, changes = self._study.ask()
        run = self._tracking.begin(f"trial-{trial.number}", {**self._settings, **changes})
        trial.set_user_attr("run", run)
        outcome = self._train(trial.number, changes, self._study.watch(trial))
        self._study.tell(trial, changes, outcome)
        self._tracking.end(run, outcome)
        self._told(trial.number, changes, outcome)

    def _train(self, number: int, changes: Mapping[str, Any], watch: Watch) -> Outcome:
        folder, checkpoints = self._folder / "trials" / str(number), self._folder / "checkpoints"
        left = self._deadline - time.monotonic()
        settings = {**self._settings, **changes}
        outcome = run_trial(self._name, settings, self._data, folder, checkpoints, left, watch)
        # The cache keeps the bundles that are worth it.
        for made in folder.iterdir():
            if made.is_dir():
                shutil.rmtree(made, ignore_errors=True)
        if outcome.state != "stopped":
            shutil.rmtree(checkpoints, ignore_errors=True)
        failed = outcome.state == "failed"
        self._failures = self._failures + 1 if failed else 0
        self.reason = outcome.reason or self.reason
        return outcome


def _digest(parameters: Parameters, name: str, search: Search) -> str:
    """What makes one study: everything that a trial's score depends on, but the data's content."""
    settings = parameters.architectures[name]
    document = [
        name, parameters.register["metric"], settings, parameters.source, parameters.ingest,
        parameters.tokenizers[settings["tokenizer"]], repr(search),
    ]  # fmt: skip
    text = json.dumps(document, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _set_environment() -> None:
    """What ingest, tokenize and the trials' processes share with `tamis run`."""
    os.environ.setdefault("TAMIS_CACHE", str(Path.cwd() / ".tamis" / "cache"))
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ["PYTHONWARNINGS"] = "ignore"
    environment.cache_clear()


def _data(parameters: Parameters, tokenizer: str, folder: Path) -> tuple[tuple[Path, Path], str]:
    """Dataset and tokens, from the stage cache where a run has made them, and their name."""
    from components.ingest.feedback import with_feedback
    from components.ingest.ingest import ingest
    from components.ingest.settings import ingest_settings
    from components.ingest.sources import open_source
    from components.tokenize.settings import TokenizerSettings
    from components.tokenize.tokenize import tokenize

    chosen = ingest_settings({"source": parameters.source, "ingest": parameters.ingest})
    dataset, tokens = folder / "dataset", folder / "tokens"
    made: list[Manifest] = [
        ingest(with_feedback(open_source(chosen.source), chosen), dataset, chosen),
        tokenize(
            dataset,
            tokens,
            build(TokenizerSettings, parameters.tokenizers[tokenizer], f"tokenizers.{tokenizer}"),
        ),
    ]
    return (dataset, tokens), "-".join(manifest.digest[:16] for manifest in made)


def _tracking(parameters: Parameters, study: Study, name: str, folder: Path) -> TuneTracking:
    tracking = TuneTracking(environment().tracking_uri, str(parameters.register["experiment"]))
    tags = {
        "study": str(folder),
        "architecture": name,
        "metric": str(parameters.register["metric"]),
    }
    study.note("run", tracking.open(str(study.notes.get("run", "")), f"tune-{name}", tags))
    return tracking


def document(found: Found) -> dict[str, Any]:
    """A search's result as JSON knows it."""
    return {
        "study": str(found.folder),
        "metric": found.metric,
        "trials": dict(found.counts),
        "current": found.current and asdict(found.current),
        "best": asdict(found.best),
    }
