"""What was asked for and what became of it, in SQLite: it survives a kill at any moment.

A run is written down before anything of it starts, under an id that the outside world will know it
by. One index holds at most one run that hasn't ended, another one run a cause, so that two
processes, or one that was killed and started again, can't begin a second run whatever they believe.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from components.contract.artifact import storage_error
from components.contract.errors import InputError, TamisError
from pipelines.trigger.rules import DAY_S, Facts, Refusal, refusal
from pipelines.trigger.settings import RetrainingSettings

State = Literal["intended", "prepared", "starting", "started", "ended"]
Outcome = Literal["promoted", "refused", "failed"]
OUTCOMES: tuple[Outcome, ...] = ("promoted", "refused", "failed")
SCHEMA = 1
BUSY_S = 20.0
"""Longest wait for another process's transaction, which takes milliseconds."""

_TABLES = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    origin TEXT NOT NULL,
    created REAL NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    details TEXT NOT NULL DEFAULT '{}',
    ended REAL,
    outcome TEXT,
    code TEXT,
    message TEXT,
    summary TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE UNIQUE INDEX one_at_a_time ON runs ((1)) WHERE ended IS NULL;
CREATE TABLE causes (cause TEXT PRIMARY KEY, run TEXT NOT NULL REFERENCES runs (id)) STRICT;
CREATE TABLE refusals (reason TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT;
"""


@dataclasses.dataclass(frozen=True)
class Run:
    """A retraining.

    Attributes:
        id: What it is called everywhere: KFP's display name, a local run's folder.
        origin: Who asked: alert names, or `by hand`.
        created: When it was written down, seconds since 1970.
        state: How far it is.
        attempts: How often it was started.
        details: What preparing it found: `feedback` (address), `rows`, `fresh`, `until`
            (microseconds since 1970), `champion`; and `external`, the id that KFP gave it.
        ended: When it ended; None before.
        outcome: How; None before.
        code: The gate's outcome, or the failure's code.
        message: One sentence.
        summary: What the pipeline left: stage times, rows, accuracies.
    """

    id: str
    origin: str
    created: float
    state: State
    attempts: int
    details: Mapping[str, Any]
    ended: float | None
    outcome: Outcome | None
    code: str | None
    message: str | None
    summary: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Counts:
    """Numbers since the ledger was made.

    Attributes:
        outcomes: Outcome -> runs.
        decisions: The gate's outcome -> runs.
        refusals: Reason -> requests.
    """

    outcomes: Mapping[str, int]
    decisions: Mapping[str, int]
    refusals: Mapping[str, int]


class Ledger:
    """The state of all retrainings.

    Args:
        path: The SQLite file; made, with its folder, when there is none.

    Raises:
        InputError: `newer_schema`, `not_a_ledger`.
        TamisError: The file system's refusal.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(error, path) from error
        with self._transaction() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA:
                raise InputError("newer_schema", f"{str(path)!r} was written by a newer Tamis.")
            if version == 0:
                for statement in _TABLES.split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {SCHEMA}")

    def request(
        self,
        run_id: str,
        origin: str,
        causes: tuple[str, ...],
        settings: RetrainingSettings,
        labels: int | None,
        now: float,
        force: bool = False,
    ) -> Refusal | None:
        """Write a run down unless a rule refuses it; one transaction.

        Args:
            run_id: Its id.
            origin: Who asks.
            causes: Why; when all of them have led to a run already, it is a duplicate.
            settings: The rules' figures.
            labels: Fresh labels; None only asks whether the other rules would refuse.
            now: The present, in seconds since 1970.
            force: Whether the cool-down is waived.

        Returns:
            The refusal, which is counted; None when the run is written down, or when only asking.
        """
        with self._transaction() as connection:
            facts = _facts(connection, causes, labels, now)
            refused = refusal(facts, settings, now, force)
            if refused is not None:
                connection.execute(
                    "INSERT INTO refusals VALUES (?, 1) ON CONFLICT DO UPDATE SET number = "
                    "number + 1",
                    (refused.reason,),
                )
            elif labels is not None:
                connection.execute(
                    "INSERT INTO runs (id, origin, created, state) VALUES (?, ?, ?, 'intended')",
                    (run_id, origin, now),
                )
                rows = [(cause, run_id) for cause in causes]
                connection.executemany("INSERT OR IGNORE INTO causes VALUES (?, ?)", rows)
        return refused

    def advance(self, run: Run, state: State, **details: Any) -> Run:
        """Write down that a run has come to a state.

        Args:
            run: The run as it was read; another process must not have moved it since.
            state: Where it is now. `starting` counts an attempt.
            **details: What became known.

        Returns:
            The run as it is now.

        Raises:
            TamisError: `moved_meanwhile`.
        """
        known = json.dumps({**run.details, **details}, sort_keys=True)
        return self._move(
            run,
            "state = ?, details = ?, attempts = attempts + ?",
            (state, known, int(state == "starting")),
        )

    def end(
        self,
        run: Run,
        outcome: Outcome,
        code: str,
        message: str,
        summary: Mapping[str, Any],
        now: float,
    ) -> Run:
        """Write down how a run ended; raises as `advance`.

        Args:
            run: The run as it was read.
            outcome: How it ended.
            code: The gate's outcome, or the failure's code.
            message: One sentence.
            summary: What the pipeline left.
            now: The present, in seconds since 1970.

        Returns:
            The run as it is now.
        """
        told = json.dumps(dict(summary), sort_keys=True)
        return self._move(
            run,
            "state = 'ended', ended = ?, outcome = ?, code = ?, message = ?, summary = ?",
            (now, outcome, code, message, told),
        )

    def unfinished(self) -> Run | None:
        """The run that hasn't ended."""
        found = self._runs("WHERE ended IS NULL")
        return found[0] if found else None

    def run(self, run_id: str) -> Run | None:
        """A run by its id."""
        found = self._runs("WHERE id = ?", run_id)
        return found[0] if found else None

    def last_decided(self) -> Run | None:
        """The last run that ended in a decision of the gate."""
        found = self._runs("WHERE outcome IN ('promoted', 'refused') ORDER BY ended DESC LIMIT 1")
        return found[0] if found else None

    def last_summary(self) -> Mapping[str, Any]:
        """What the last run that left something left; empty before any."""
        found = self._runs("WHERE summary != '{}' ORDER BY ended DESC LIMIT 1")
        return found[0].summary if found else {}

    def counts(self) -> Counts:
        """Numbers of runs and refusals since the ledger was made."""
        by = "SELECT {0}, COUNT(*) FROM runs WHERE {1} GROUP BY {0}"
        decided = "outcome IN ('promoted', 'refused')"
        with self._transaction() as connection:
            outcomes = connection.execute(by.format("outcome", "ended IS NOT NULL")).fetchall()
            decisions = connection.execute(by.format("code", decided)).fetchall()
            refusals = connection.execute("SELECT reason, number FROM refusals").fetchall()
        return Counts(dict(outcomes), dict(decisions), dict(refusals))

    def _runs(self, where: str, *values: Any) -> list[Run]:
        names = ", ".join(field.name for field in dataclasses.fields(Run))
        with self._transaction() as connection:
            rows = connection.execute(f"SELECT {names} FROM runs {where}", values).fetchall()  # noqa: S608 - our own text
        return [_run(row) for row in rows]

    def _move(self, run: Run, changes: str, values: tuple[Any, ...]) -> Run:
        with self._transaction() as connection:
            moved = connection.execute(
                f"UPDATE runs SET {changes} WHERE id = ? AND state = ? AND attempts = ?",  # noqa: S608 - our own text
                (*values, run.id, run.state, run.attempts),
            ).rowcount
        now = self.run(run.id)
        if moved != 1 or now is None:
            raise TamisError("moved_meanwhile", f"Another process has taken over the run {run.id}.")
        return now

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection that has the file to itself; committed unless the block fails."""
        try:
            connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
            with contextlib.closing(connection):
                connection.execute("PRAGMA synchronous = FULL")  # a commit survives a power cut
                connection.execute("PRAGMA foreign_keys = ON")
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise TamisError(
                "ledger_unavailable", f"{str(self.path)!r} doesn't answer: {error}."
            ) from error
        except sqlite3.DatabaseError as error:
            raise InputError("not_a_ledger", f"{str(self.path)!r} is damaged: {error}.") from error


def _facts(
    connection: sqlite3.Connection, causes: tuple[str, ...], labels: int | None, now: float
) -> Facts:
    query = "SELECT run FROM causes WHERE cause = ?"
    led = [connection.execute(query, (cause,)).fetchone() for cause in causes]
    answered = str(led[0][0]) if led and all(led) else ""
    row = connection.execute("SELECT id FROM runs WHERE ended IS NULL").fetchone()
    running = row[0] if row else ""
    last_end = connection.execute("SELECT MAX(ended) FROM runs").fetchone()[0]
    started = connection.execute(
        "SELECT created FROM runs WHERE created > ?", (now - DAY_S,)
    ).fetchall()
    return Facts(answered, running, last_end, tuple(row[0] for row in started), labels)


def _run(row: tuple[Any, ...]) -> Run:
    run = Run(*row)
    return dataclasses.replace(
        run,
        details=json.loads(str(run.details)),
        summary=json.loads(str(run.summary)),
    )
