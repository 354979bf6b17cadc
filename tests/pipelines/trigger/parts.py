"""What the trigger's tests put together: labels in memory, a registry of two tables, alerts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.registry.aliases import Registry
from pipelines.trigger.labels import LabelledRow
from pipelines.trigger.ledger import Ledger
from pipelines.trigger.settings import RetrainingSettings

CHAMPION = "c" * 64
SETTINGS = RetrainingSettings(minimum_labels=3, cooldown_s=600, runs_per_day=2)
DOCUMENT: Mapping[str, Any] = {"source": {"uri": "reviews.csv"}, "register": {"model_name": "m"}}
NOW = 1_800_000_000.0


@dataclass
class ListedLabels:
    """Labels in memory, all of the champion's answers."""

    number: int = 5
    asked: list[tuple[str, int]] = field(default_factory=list)

    def count(self, bundle_digest: str, since: int) -> int:
        self.asked.append((bundle_digest, since))
        return self.number

    def rows(self, until: int) -> Iterator[LabelledRow]:
        for number in range(self.number):
            yield LabelledRow(f"text {number}", ("negative", "positive")[number % 2], CHAMPION)


def registry(folder: Path, champion: str = CHAMPION, **tags: str) -> Registry:
    """A registry as MLflow's tables hold it; of their columns, those that are read."""
    database = folder / "mlflow.db"
    with sqlite3.connect(database) as connection:
        connection.executescript(
            "CREATE TABLE IF NOT EXISTS registered_model_aliases (name, alias, version);"
            "CREATE TABLE IF NOT EXISTS model_version_tags (name, version, key, value);"
            "DELETE FROM registered_model_aliases; DELETE FROM model_version_tags;"
        )
        held = {"bundle_digest": champion, **tags}
        if champion:
            for alias in ("champion", "challenger"):
                values = ("m", alias, "1")
                connection.execute("INSERT INTO registered_model_aliases VALUES (?, ?, ?)", values)
        rows = [("m", "1", key, value) for key, value in held.items()]
        connection.executemany("INSERT INTO model_version_tags VALUES (?, ?, ?, ?)", rows)
    connection.close()
    return Registry(f"sqlite:///{database}", "m")


def alert(**changes: Any) -> dict[str, Any]:
    """An alert as Alertmanager writes it."""
    return {
        "status": "firing",
        "labels": {"alertname": "TamisInputDrift", "retrain": "true", "kind": "input"},
        "annotations": {"summary": "Texts have changed."},
        "startsAt": "2026-11-25T20:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "c9ab0a1b2c3d4e5f",
    } | changes


def notification(*alerts: Mapping[str, Any], **changes: Any) -> bytes:
    """A webhook's body of version 4."""
    document = {
        "version": "4",
        "groupKey": '{}:{alertname="TamisInputDrift"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "retrain",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "alerts": list(alerts) or [alert()],
    } | changes
    return json.dumps(document).encode()


def ended(
    ledger: Ledger, run_id: str, now: float, outcome: Any = "refused", **details: Any
) -> None:
    """Take a run to its end as the worker would."""
    run = ledger.run(run_id)
    assert run is not None
    run = ledger.advance(run, "prepared", **details)
    run = ledger.advance(run, "starting")
    run = ledger.advance(run, "started", external="")
    ledger.end(run, outcome, outcome, "Because.", {}, now)


def ids(ledger: Ledger) -> Sequence[str]:
    """Every run's id."""
    with sqlite3.connect(ledger.path) as connection:
        found = [row[0] for row in connection.execute("SELECT id FROM runs ORDER BY created")]
    connection.close()
    return found
