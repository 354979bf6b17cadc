from __future__ import annotations

from dataclasses import replace

import pytest

from components.drift import history as keeping
from components.drift.history import History
from components.drift.verdict import Diagnosis, Verdict

QUIET = Verdict("input", False, 0.0, 2.5, None, 0.0, 1, 0, ())
FOUND = replace(QUIET, active=True, since=7.0, size=0.4)


def test_a_drift_is_kept_from_its_start_to_its_end() -> None:
    history = History()
    told = (QUIET, FOUND, replace(FOUND, size=0.6), QUIET, replace(FOUND, since=50.0))
    for row, verdict in enumerate(told):
        history.add(row, Diagnosis((verdict,), "covariate" if verdict.active else ""))
    first, second = history.episodes
    assert (first.since, first.found_row, first.over_row) == (7.0, 1, 3)
    assert first.verdict.size == 0.6
    assert first.cause == "covariate"
    assert (second.since, second.over_row) == (50.0, None)


def test_points_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "POINTS", 100)
    history = History()
    for row in range(5_000):
        history.add(row, Diagnosis((QUIET,), ""))
    rows = [point.row for point in history.points]
    assert 40 <= len(rows) <= 101
    assert rows == sorted(rows)
    assert rows[-1] > 4_800
