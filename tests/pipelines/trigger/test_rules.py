"""Each rule alone, and their order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipelines.trigger.rules import DAY_S, Facts, refusal
from tests.pipelines.trigger.parts import NOW, SETTINGS

CLEAR = Facts("", "", None, (), 3)


def reason(force: bool = False, **changes: Any) -> str:
    found = refusal(replace(CLEAR, **changes), SETTINGS, NOW, force)
    assert found is None or found.message.endswith(".")
    return found.reason if found else ""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"answered_by": "run-1"}, "duplicate"),
        ({"running": "run-1"}, "running"),
        ({"last_end": NOW - 599}, "cooldown"),
        ({"last_end": NOW - 600}, ""),
        ({"last_end": NOW + 10}, "cooldown"),
        ({"started": (NOW - 1, NOW - 2)}, "budget"),
        ({"started": (NOW - 1,)}, ""),
        ({"started": (NOW - 1, NOW - DAY_S)}, ""),
        ({"labels": 2}, "too_few_labels"),
        ({"labels": 0}, "too_few_labels"),
        ({"labels": None}, ""),
    ],
)
def test_each_rule(changes: dict[str, Any], expected: str) -> None:
    assert reason(**changes) == expected


def test_the_first_rule_that_refuses_is_told() -> None:
    all_at_once = Facts("run-1", "run-2", NOW, (NOW, NOW), 0)
    order = ["duplicate", "running", "cooldown", "budget", "too_few_labels"]
    cleared: list[dict[str, Any]] = [
        {"answered_by": ""}, {"running": ""}, {"last_end": None}, {"started": ()}, {"labels": 3},
    ]  # fmt: skip
    for expected, clear in zip(order, cleared, strict=True):
        found = refusal(all_at_once, SETTINGS, NOW)
        assert found is not None
        assert found.reason == expected
        all_at_once = replace(all_at_once, **clear)
    assert refusal(all_at_once, SETTINGS, NOW) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"last_end": NOW}, ""),
        ({"running": "run-1"}, "running"),
        ({"started": (NOW, NOW)}, "budget"),
        ({"labels": 0}, "too_few_labels"),
    ],
)
def test_force_waives_the_cool_down_alone(changes: dict[str, Any], expected: str) -> None:
    assert reason(force=True, **changes) == expected
