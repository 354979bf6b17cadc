"""The best of many trials."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.contract.errors import TamisError
from components.tune.choose import best_of, write_report


def trial(number: int, accuracy: float, loss: float, **changes: Any) -> dict[str, Any]:
    scores = {"accuracy": accuracy, "macro_f1": 1 - accuracy, "log_loss": loss, "cpu_s": None}
    return {"number": number, "changes": changes, "scores": scores}


TRIALS = [
    trial(0, 0.7, 0.6),
    trial(1, 0.8, 0.6, rate="<b>"),
    trial(2, 0.8, 0.5, rate=2),
    trial(3, 0.8, 0.5, rate=3),
    {"number": 4, "changes": {"rate": 9}, "error": "diverged: <i>nan"},
]


@pytest.mark.parametrize(("metric", "number"), [("accuracy", 2), ("macro_f1", 0)])
def test_score_then_loss_then_order(metric: str, number: int) -> None:
    assert best_of(TRIALS, metric)["number"] == number
    assert best_of(TRIALS[::-1], metric)["number"] == number


def test_without_a_score_the_first_failure_is_told() -> None:
    with pytest.raises(TamisError, match="diverged") as raised:
        best_of(TRIALS[4:], "accuracy")
    assert raised.value.code == "no_trial"


def test_a_report_tells_every_trial(tmp_path: Path) -> None:
    write_report(tmp_path / "r.html", "lstm", "accuracy", TRIALS, TRIALS[2])
    html = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "rate &lt;b&gt;" in html
    assert "diverged: &lt;i&gt;nan" in html
    assert "<b>0.8000</b>" in html
    assert "<b>0.7000</b>" in html
    assert html.count("<tr>") == 1 + 4 + 1 + 1
