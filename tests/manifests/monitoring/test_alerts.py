"""Each alert by `promtool test rules` on the committed file: when it fires, and when it doesn't."""

from __future__ import annotations

import copy
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from manifests.monitoring.definitions import ALERTS
from manifests.monitoring.files import FOLDER
from tests.manifests.monitoring import burn_cases, model_cases, pipeline_cases, service_cases
from tests.manifests.monitoring.case import ALWAYS, OF_BURN_RATES, Case, Kind
from tests.manifests.monitoring.promtool import failures, only

CASES: tuple[Case, ...] = (
    *burn_cases.CASES,
    *service_cases.CASES,
    *model_cases.CASES,
    *pipeline_cases.CASES,
)
BY_NAME = {alert.name: alert for alert in ALERTS}
RULES: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus" / "rules.yaml").read_text())
NAMES = sorted(BY_NAME)


def cases(name: str, *kinds: Kind) -> list[Case]:
    """An alert's cases, of some kinds only when they are named."""
    return [c for c in CASES if c.alert == name and (not kinds or c.kind in kinds)]


def test_there_is_a_case_for_each_way_in_which_an_alert_could_err() -> None:
    assert len(BY_NAME) == len(ALERTS)
    assert {case.alert for case in CASES} == set(BY_NAME)
    for name in NAMES:
        wanted = OF_BURN_RATES if "Burn" in name else ALWAYS
        assert wanted <= {case.kind for case in cases(name)}, name
        assert len(cases(name)) >= 4
    assert min(Counter(case.alert for case in CASES).values()) >= 4


def test_cases_are_silent_or_fire_as_their_kind_says() -> None:
    silent = {"healthy", "just below", "short spike", "long only", "no traffic"}
    for case in CASES:
        fired = [bool(check.says) for check in case.checks]
        if case.kind in silent:
            assert not any(fired), case
        elif case.kind == "just above":
            assert fired[-1], case
        elif case.kind == "resolves":
            assert fired[0], case
            assert not fired[-1], case


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_fires_when_it_should_and_only_then(name: str, tmp_path: Path) -> None:
    assert failures(only(RULES, name), cases(name), BY_NAME, tmp_path) == ""


def changed(name: str, **changes: Any) -> dict[str, Any]:
    """One alert's rules, the alert itself changed."""
    rules = copy.deepcopy(only(RULES, name))
    for rule in rules["groups"][0]["rules"]:
        if rule.get("alert") == name:
            rule.update(changes)
    return rules


WHOLE = re.compile(r"Down|Drift$|RetrainFailed")
"""Alerts whose values are whole numbers: their bounds may lie anywhere between two."""


@pytest.mark.parametrize("name", NAMES)
def test_the_cases_notice_a_threshold_that_moved(name: str, tmp_path: Path) -> None:
    alert = BY_NAME[name]
    moved = 1.0 if WHOLE.search(name) else 0.05 * alert.threshold
    for threshold in (alert.threshold - moved, alert.threshold + moved):
        rules = changed(name, expr=f"({alert.value}) {alert.operator} {threshold}")
        some = cases(name, "just below", "just above")
        assert failures(rules, some, BY_NAME, tmp_path), threshold


@pytest.mark.parametrize("name", NAMES)
def test_the_cases_notice_another_wait(name: str, tmp_path: Path) -> None:
    rules = changed(name, **{"for": "100d"})
    assert failures(rules, cases(name, "just above"), BY_NAME, tmp_path)


KEPT = [name for name in NAMES if BY_NAME[name].keep]


@pytest.mark.parametrize("name", KEPT)
def test_the_cases_notice_an_alert_that_flaps(name: str, tmp_path: Path) -> None:
    rules = changed(name, keep_firing_for="0s")
    assert failures(rules, cases(name, "resolves", "hysteresis"), BY_NAME, tmp_path)
