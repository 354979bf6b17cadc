"""Findings are let be for a reason and for a time."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from tests.manifests.waivers import Finding, Waiver, judge, read_waivers

TODAY = dt.date(2026, 12, 1)
FINDING = Finding("checkov", "CKV_1", "local.yaml:Deployment.a", "Something.")
REASON = "There is a reason for this, and it is a good one indeed."
WAIVER = Waiver("checkov", "CKV_1", "local.yaml:*", REASON, dt.date(2027, 3, 1))


def test_no_waiver_of_ours_is_over() -> None:
    """This fails on the day after one ends, so that somebody looks again."""
    today = dt.datetime.now(dt.UTC).date()
    given = read_waivers()
    assert given
    used = [Finding(w.tool, w.check, w.where.replace("*", "x"), "") for w in given]
    assert judge(used, given, today) == []


def test_a_finding_without_leave_is_told() -> None:
    assert len(judge([FINDING], [], TODAY)) == 1


def test_a_finding_with_leave_is_not() -> None:
    assert judge([FINDING], [WAIVER], TODAY) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"expires": dt.date(2026, 11, 30)},
        {"expires": dt.date(2028, 1, 1)},
        {"reason": "because"},
        {"check": "CKV_2"},
        {"tool": "zizmor"},
        {"where": "production.yaml:*"},
    ],
)
def test_a_waiver_must_be_current_reasoned_and_of_use(changes: dict[str, object]) -> None:
    assert judge([FINDING], [dataclasses.replace(WAIVER, **changes)], TODAY)  # type: ignore[arg-type]
