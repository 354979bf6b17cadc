"""Runs on Kubeflow Pipelines, known there by the ledger's id as their display name.

KFP's API takes no idempotency key. A run is therefore looked for by its name before it is created
again, and twice when a request may still have been on its way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from components.registry.aliases import CHALLENGER, CHAMPION, Registry
from pipelines import parameters
from pipelines.kfp_api import KfpApi, equals
from pipelines.submit import ENDED, run_url, start, upload
from pipelines.trigger.ledger import Run
from pipelines.trigger.runner import Ending
from pipelines.trigger.settings import KfpSettings

SETTLE_S = 5.0
"""A request that a killed trigger had sent is answered, or lost, by then."""


class KfpRunner:
    """Starts runs on a cluster; see `Runner`.

    Args:
        settings: Where.
        registry: Where the pipeline registers; tells what its gate decided.
        settle_s: Seconds before a run that wasn't found is looked for again.
    """

    def __init__(
        self, settings: KfpSettings, registry: Registry, settle_s: float = SETTLE_S
    ) -> None:
        self._settings, self._registry, self._settle_s = settings, registry, settle_s
        self._opened: KfpApi | None = None

    def start(self, run: Run, document: Mapping[str, Any]) -> str:
        api = self._api()
        version = upload(api, parameters.check(document))
        experiment, account = self._settings.experiment, self._settings.service_account
        return start(api, version, experiment, run.id, account)

    def find(self, run: Run) -> str | None:
        found = self._named(run.id)
        if found is None:
            time.sleep(self._settle_s)
            found = self._named(run.id)
        return found

    def look(self, run: Run) -> Ending | None:
        api = self._api()
        external = str(run.details["external"])
        found = api.call(api.runs.run_service_get_run, external)
        if found.state not in ENDED:
            return None
        url = run_url(api, external)
        stages = {
            task.display_name: (task.end_time - task.start_time).total_seconds()
            for task in (found.run_details and found.run_details.task_details) or []
            if task.display_name and task.start_time and task.end_time
        }
        summary = {"stages": stages, "url": url}
        if found.state not in ("SUCCEEDED", "SKIPPED"):
            return Ending("failed", "run_failed", f"The run ended as {found.state}: {url}", summary)
        return self._decision(external, summary)

    def _decision(self, external: str, summary: Mapping[str, Any]) -> Ending:
        """What the run's gate said, whatever other runs have put forward since."""
        for alias in (CHALLENGER, CHAMPION):
            version = self._registry.resolve(alias)
            decision = None if version is None else version.decision_of(external)
            if version is not None and decision is not None:
                outcome, reason = decision
                told = {**summary, "champion": version.document()}
                promoted = outcome == "promoted"
                return Ending("promoted" if promoted else "refused", outcome, reason, told)
        return Ending(
            "failed", "no_decision", f"The run {external} left no decision in MLflow.", summary
        )

    def close(self) -> None:
        """Nothing: a cluster's runs go on by themselves."""

    def _named(self, name: str) -> str | None:
        api = self._api()
        runs = api.listed(
            _within(api, api.experiment(self._settings.experiment)),
            "runs",
            filter=equals("display_name", name),
        )
        first = min(runs, key=lambda run: str(run.created_at), default=None)
        return None if first is None else str(first.run_id)

    def _api(self) -> KfpApi:
        if self._opened is None:
            own = self._settings
            self._opened = KfpApi(
                own.host,
                Path(own.token_file) if own.token_file else None,
                own.namespace,
                Path(own.ca) if own.ca else None,
            )
        return self._opened


def _within(api: KfpApi, experiment: str) -> Callable[..., Any]:
    return lambda **named: api.runs.run_service_list_runs(experiment_id=experiment, **named)
