"""Recurring runs, found by their name: creating one twice leaves one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.contract.errors import InputError
from pipelines.cron import six_fields
from pipelines.kfp_api import KfpApi, equals
from pipelines.submit import Version, reference

ENABLED = "ENABLED"


@dataclass(frozen=True)
class Schedule:
    """A recurring run as it shall be.

    Attributes:
        name: Its name; another of that name is replaced.
        cron: When, see `six_fields`.
        experiment: The experiment's name.
        service_account: What its runs' pods run as; empty for the installation's own.
    """

    name: str
    cron: str
    experiment: str
    service_account: str = ""


def apply(api: KfpApi, version: Version, wanted: Schedule) -> tuple[str, str]:
    """Create a recurring run, or let it take the place of those of its name.

    Kubeflow can't change one, so the new one is created first and the old ones are deleted then.
    A kill in between leaves both, and the next call deletes the old one.

    Args:
        api: The server.
        version: What it runs.
        wanted: When and how.

    Returns:
        Its id, and `created`, `replaced` or `unchanged`.

    Raises:
        InputError: `bad_cron`.
        TamisError: What the server answers.
    """
    cron = six_fields(wanted.cron)
    given = list(find(api, wanted.name))
    document = api.model(
        "V2beta1RecurringRun",
        display_name=wanted.name,
        experiment_id=api.experiment(wanted.experiment),
        pipeline_version_reference=reference(api, version),
        runtime_config=api.model("V2beta1RuntimeConfig", parameters=dict(version.inputs)),
        service_account=wanted.service_account or None,
        namespace=api.namespace or None,
        mode="ENABLE",
        max_concurrency="1",
        no_catchup=True,
        trigger=api.model(
            "V2beta1Trigger", cron_schedule=api.model("V2beta1CronSchedule", cron=cron)
        ),
    )
    # Where no service account is asked for, the server names one of its own.
    compared = ("service_account",) if wanted.service_account else ()
    same = _identity(document, compared)
    kept = next((run for run in given if _identity(run, compared) == same), None)
    if kept is None:
        create = api.recurring_runs.recurring_run_service_create_recurring_run
        identity = str(api.call(create, document).recurring_run_id)
    else:
        identity = str(kept.recurring_run_id)
    for run in given:
        if run.recurring_run_id != identity:
            _delete(api, run)
    outcome = "unchanged" if kept is not None else "replaced" if given else "created"
    return identity, outcome


def find(api: KfpApi, name: str = "") -> list[Any]:
    """The recurring runs of a name; all when it is empty."""
    return list(
        api.listed(
            api.recurring_runs.recurring_run_service_list_recurring_runs,
            "recurring_runs",
            namespace=api.namespace,
            filter=equals("display_name", name) if name else "",
        )
    )


def delete(api: KfpApi, name: str) -> int:
    """Delete the recurring runs of a name.

    Args:
        api: The server.
        name: The name.

    Returns:
        How many there were.

    Raises:
        InputError: `no_schedule` when there were none.
    """
    given = find(api, name)
    if not given:
        known = sorted({str(run.display_name) for run in find(api)})
        raise InputError(
            "no_schedule",
            f"There is no schedule {name!r}.",
            f"Known: {', '.join(known)}." if known else "",
        )
    for run in given:
        _delete(api, run)
    return len(given)


def cron_of(run: Any) -> str:
    """A recurring run's expression; empty when something else triggers it."""
    schedule = run.trigger and run.trigger.cron_schedule
    return str(schedule.cron) if schedule else ""


def _delete(api: KfpApi, run: Any) -> None:
    method = api.recurring_runs.recurring_run_service_delete_recurring_run
    api.call(method, run.recurring_run_id)


def _identity(run: Any, compared: tuple[str, ...]) -> Mapping[str, Any]:
    """What makes two recurring runs the same; a disabled one is no substitute for an enabled."""
    enabled = run.mode == "ENABLE" if run.status is None else run.status == ENABLED
    return {
        "experiment": run.experiment_id,
        "version": run.pipeline_version_reference.pipeline_version_id
        if run.pipeline_version_reference
        else run.pipeline_version_id,
        "parameters": dict((run.runtime_config and run.runtime_config.parameters) or {}),
        "cron": cron_of(run),
        "enabled": enabled,
        **{name: getattr(run, name) for name in compared},
    }
