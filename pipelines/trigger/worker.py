"""Takes a run from step to step, writing each one down before and after it.

```
 intended ─ export the labels ─ prepared ─ starting ─ start or find it ─ started ─ look ─ ended
```
A kill between any two leaves the run where it was written down last. Exporting again makes the same
version or a newer one; a run that was perhaps started is looked for before it is started.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from components.contract import logs
from components.contract.errors import InputError, TamisError
from components.registry.aliases import CHAMPION, Registry
from pipelines.retraining import keep_version, retraining_document
from pipelines.trigger.labels import Labels
from pipelines.trigger.ledger import Ledger, Run
from pipelines.trigger.runner import LostError, Runner
from pipelines.trigger.settings import RetrainingSettings

POLL_S = 1.0
"""Between looks at a run that goes on."""
RETRY_S = 10.0
"""Between tries of a step that failed for a reason that may pass."""
TRIES = 30
"""Tries in a row of one step, five minutes of them: an outage of that length needs a person."""


class Worker:
    """Carries runs out; only one may work on a ledger at a time.

    Args:
        ledger: The state.
        labels: Where labelled rows come from.
        runner: What runs pipelines.
        registry: Says who is champion.
        document: The parameter file that retrainings start from.
        settings: The section `retrain`.
        clock: The present, in seconds since 1970.
        retry_s: Seconds between tries of a step that failed.
    """

    def __init__(
        self,
        ledger: Ledger,
        labels: Labels,
        runner: Runner,
        registry: Registry,
        document: Mapping[str, Any],
        settings: RetrainingSettings,
        clock: Callable[[], float] = time.time,
        retry_s: float = RETRY_S,
    ) -> None:
        self._ledger, self._labels, self._runner = ledger, labels, runner
        self._registry, self._document, self._settings = registry, document, settings
        self._clock, self._retry_s = clock, retry_s
        self._failures = 0

    def step(self) -> float:
        """Do the next step of the run that hasn't ended.

        Returns:
            Seconds to wait before the next step; 0 for none.
        """
        run = self._ledger.unfinished()
        if run is None:
            self._failures = 0
            return POLL_S
        try:
            wait = self._advance(run)
        except LostError as error:
            return self._lost(run, error)
        except InputError as error:  # it will not pass
            return self._end(error)
        except TamisError as error:
            return self._again(run, error)
        self._failures = 0
        return wait

    def _advance(self, run: Run) -> float:
        if run.state == "intended":
            self._prepare(run)
        elif run.state == "prepared":
            self._start(self._ledger.advance(run, "starting"))
        elif run.state == "starting":
            external = self._runner.find(run)
            if external is None:
                self._start(run)
            else:
                logs.event("retraining_adopted", run=run.id)
                self._ledger.advance(run, "started", external=external)
        else:
            ending = self._runner.look(run)
            if ending is None:
                return POLL_S
            self._ledger.end(
                run, ending.outcome, ending.code, ending.message, ending.summary, self._clock()
            )
            logs.event(
                "retraining_ended",
                run=run.id,
                outcome=ending.outcome,
                code=ending.code,
                message=ending.message,
            )
        return 0.0

    def _prepare(self, run: Run) -> None:
        champion = self._registry.resolve(CHAMPION)
        if champion is None:
            raise InputError("no_champion", f"{self._registry.model!r} has no champion.")
        until = int(self._clock() * 1e6)
        version = keep_version(
            self._labels.rows(until), champion.bundle_digest, self._settings.store
        )
        self._ledger.advance(
            run,
            "prepared",
            feedback=version.uri,
            feedback_digest=version.digest,
            rows=version.rows,
            fresh=version.fresh,
            champion=champion.bundle_digest,
            until=until,
        )
        logs.event(
            "retraining_prepared",
            run=run.id,
            feedback=Path(version.uri).name,
            rows=version.rows,
            fresh=version.fresh,
        )

    def _start(self, run: Run) -> None:
        document = retraining_document(
            self._document, run.details["feedback"], run.details["champion"], self._settings
        )
        external = self._runner.start(run, document)
        self._ledger.advance(run, "started", external=external)
        logs.event("retraining_started", run=run.id, attempt=run.attempts)

    def _lost(self, run: Run, error: LostError) -> float:
        if run.attempts >= self._settings.attempts:
            return self._end(error)
        logs.event("retraining_resumed", run=run.id, attempt=run.attempts + 1)
        self._ledger.advance(run, "starting")
        return 0.0

    def _again(self, run: Run, error: TamisError) -> float:
        self._failures += 1
        if self._failures >= TRIES:
            return self._end(error)
        logs.event("retraining_delayed", run=run.id, code=error.code, message=error.message)
        return self._retry_s

    def _end(self, error: TamisError) -> float:
        self._failures = 0
        run = self._ledger.unfinished()  # the step that failed may have moved it
        if run is None:
            return 0.0
        self._ledger.end(run, "failed", error.code, error.message, {}, self._clock())
        logs.event("retraining_ended", run=run.id, outcome="failed", code=error.code)
        return 0.0
