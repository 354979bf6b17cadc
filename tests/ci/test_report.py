"""The report of what a change does to the pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ci.report import SHOWN_LINES, compiled, metrics, render, tiny_run, worktree
from tests.conftest import ROOT


def _summary(accuracy: float) -> dict[str, object]:
    return {"architectures": {"logistic": {"accuracy": accuracy}}, "champion": True, "model": "x"}


def test_it_shows_the_difference_of_what_is_compiled() -> None:
    report = render((["a", "b"], _summary(0.75)), (["a", "c"], _summary(0.8)))
    assert "\n-b\n+c\n" in report
    assert "| architectures.logistic.accuracy | 0.75 | 0.8 |" in report


def test_it_says_when_nothing_differs() -> None:
    assert "stays as it is" in render((["a"], _summary(0.7)), (["a"], _summary(0.7)))


def test_a_long_difference_is_cut_and_says_so() -> None:
    many = [f"line {i}" for i in range(SHOWN_LINES * 2)]
    report = render(([], _summary(0.7)), (many, _summary(0.7)))
    assert "more lines." in report
    assert len(report) < 65_536


def test_a_difference_cannot_end_its_own_frame() -> None:
    report = render((["a"], _summary(0.7)), (["```", "# not a heading"], _summary(0.7)))
    assert report.count("```") == 2


def test_only_numbers_are_metrics() -> None:
    assert metrics(_summary(0.5)) == {"architectures.logistic.accuracy": 0.5}


@pytest.mark.slow
def test_both_sides_run_their_own_code(tmp_path: Path) -> None:
    with worktree("HEAD") as base:
        marked = base / "pipelines" / "training.py"
        source = marked.read_text(encoding="utf-8")
        told = 'description="Labelled text to a registered champion"'
        assert told in source
        marked.write_text(source.replace(told, 'description="Another"'), encoding="utf-8")
        lines = {}
        for name, tree in (("base", base), ("head", ROOT)):
            (tmp_path / name).mkdir()
            lines[name] = compiled(tree, tmp_path / name)
        summary = tiny_run(base, tmp_path / "base")
    assert any("Another" in line for line in lines["base"])
    assert not any("Another" in line for line in lines["head"])
    assert 0.5 < metrics(summary)["architectures.logistic.accuracy"] <= 1
    assert not base.exists()
