"""`tamis retrain | trigger`: train again on what came back, by hand or by alerts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from components.contract import logs
from components.contract.environment import environment
from components.contract.errors import TamisError

if TYPE_CHECKING:
    from components.registry.aliases import Registry
    from pipelines.parameters import Parameters
    from pipelines.trigger.intake import Intake
    from pipelines.trigger.labels import LabelledRow, Labels
    from pipelines.trigger.ledger import Ledger, Run
    from pipelines.trigger.runner import Runner
    from pipelines.trigger.worker import Worker

STATE = Path(".tamis")
TOKEN_VARIABLE = "TAMIS_TRIGGER_TOKEN"  # noqa: S105 - a variable's name

Params = Annotated[
    Path, typer.Option("--params", envvar="TAMIS_PARAMS", help="The champion's parameter file.")
]
State = Annotated[Path, typer.Option("--state", help="Where runs and their state are kept.")]
Journal = Annotated[
    str,
    typer.Option("--journal", envvar="TAMIS_JOURNAL", help="A SQLite file or a postgresql:// URL."),
]
Keys = Annotated[
    Path,
    typer.Option("--keys", envvar="TAMIS_JOURNAL_KEYS", help="Its key file or mounted secret."),
]
Model = Annotated[
    str | None, typer.Option("--model", help="The registered model; the parameter file's own.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show a stack when something fails.")]
JOURNAL, KEYS = str(STATE / "journal.db"), STATE / "journal.keys"


def register(app: typer.Typer) -> None:
    """Add the commands to `tamis`.

    Args:
        app: The command line.
    """
    app.command()(retrain)
    app.command()(trigger)


def retrain(
    force: Annotated[bool, typer.Option("--force", help="Waive the cool-down, only that.")] = False,
    params: Params = Path("params.yaml"),
    state: State = STATE / "trigger",
    journal: Journal = JOURNAL,
    keys: Keys = KEYS,
    model: Model = None,
    debug: Debug = False,
) -> None:
    """Train again on the old data and the journal's labels; the gate decides as ever."""
    from pipelines.trigger.working import see_through

    parts = _parts(params, state, journal, keys, model)
    console = Console(file=sys.stdout)
    left = parts.ledger.unfinished()
    answer = None if left else parts.intake.by_hand(force)
    if answer is not None and not answer.run:
        raise TamisError(answer.code, answer.message)
    run_id = left.id if left else (answer.run if answer else "")
    if left:
        console.print(f"{run_id} hasn't ended: going on with it.", markup=False, highlight=False)

    def show(run: Run) -> None:
        if run.state != "ended":
            console.print(f"{run.id}: {run.state}", markup=False, highlight=False)

    try:
        run = see_through(parts.worker, parts.ledger, parts.lock, run_id, show)
    finally:
        parts.runner.close()
    if run.outcome == "failed":
        raise TamisError(run.code or "failed", f"{run.id}: {run.message}")
    told = f"{run.id}: {run.outcome}. {run.message}"
    console.print(told, markup=False, highlight=False, soft_wrap=True)


def trigger(
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="For alerts.")] = 8090,
    metrics_port: Annotated[
        int, typer.Option("--metrics-port", min=1, max=65_535, help="For metrics alone.")
    ] = 9091,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help=f"Who may post; else ${TOKEN_VARIABLE}, else one made."),
    ] = None,
    params: Params = Path("params.yaml"),
    state: State = STATE / "trigger",
    journal: Journal = JOURNAL,
    keys: Keys = KEYS,
    model: Model = None,
    debug: Debug = False,
) -> None:
    """Take Alertmanager's webhooks at /alerts and start a retraining when the rules allow it."""
    from prometheus_client import CollectorRegistry

    from pipelines.trigger.app import make_app
    from pipelines.trigger.bearer import BearerToken, made_token, read_token
    from pipelines.trigger.metrics import TriggerCollector
    from pipelines.trigger.server import serve
    from pipelines.trigger.working import WorkThread

    logs.configure()
    parts = _parts(params, state, journal, keys, model)
    given = os.environ.get(TOKEN_VARIABLE, "")
    if token_file is not None:
        given = read_token(token_file)
    token = BearerToken(given or made_token(state / "token"))
    metrics = CollectorRegistry()
    metrics.register(TriggerCollector(parts.ledger, parts.intake.fresh_labels))
    thread = WorkThread(parts.worker, parts.lock)

    def started() -> None:
        thread.start()
        logs.event("ready", host=host, port=port, metrics_port=metrics_port)

    app = make_app(parts.intake, token, thread.is_alive)
    try:
        serve(app, metrics, (host, port), metrics_port, started)
    finally:
        if thread.is_alive():
            thread.stop()
        parts.runner.close()


@dataclass(frozen=True)
class _Parts:
    ledger: Ledger
    intake: Intake
    worker: Worker
    runner: Runner
    lock: Path


class _JournalLabels:
    """The service's journal as `Labels`; this module is a door to `serving`."""

    def __init__(self, url: str, keys: Path) -> None:
        from serving.transformer.journal.settings import JournalSettings

        self._settings = JournalSettings(url, str(keys))

    def count(self, bundle_digest: str, since: int) -> int:
        from serving.transformer.journal.labels import count_labels

        return count_labels(self._settings, bundle_digest, since)

    def rows(self, until: int) -> Iterator[LabelledRow]:
        from pipelines.trigger.labels import LabelledRow
        from serving.transformer.journal.labels import labelled_rows

        for row in labelled_rows(self._settings, until):
            yield LabelledRow(row.text, row.label, row.model.bundle_digest)


def _parts(params: Path, state: Path, journal: str, keys: Path, model: str | None) -> _Parts:
    """Everything put together; the only place that is."""
    from components.contract.settings import read_params
    from components.registry.aliases import Registry
    from pipelines import parameters
    from pipelines.trigger.intake import Intake
    from pipelines.trigger.ledger import Ledger
    from pipelines.trigger.worker import Worker

    document = read_params(params)
    if model:
        document["register"] = {**(document.get("register") or {}), "model_name": model}
    chosen = parameters.check(document)
    registry = Registry(environment().tracking_uri, str(chosen.register["model_name"]))
    labels: Labels = _JournalLabels(journal, keys)
    ledger = Ledger(state / "ledger.db")
    runner = _runner(chosen, registry, state)
    worker = Worker(ledger, labels, runner, registry, document, chosen.retrain)
    intake = Intake(ledger, labels, registry, chosen.retrain)
    return _Parts(ledger, intake, worker, runner, state / "worker.lock")


def _runner(chosen: Parameters, registry: Registry, state: Path) -> Any:
    if chosen.retrain.runner == "kfp":
        from pipelines.trigger.kfp_runner import KfpRunner

        return KfpRunner(chosen.retrain.kfp, registry)
    from pipelines.trigger.local_runner import LocalRunner

    return LocalRunner(state / "runs")
