from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from components.contract.split import SplitRule
from components.ingest.stratification import chi_square_tail, independence, stratification

RULE = SplitRule(0.8, 0.1, "13")


@given(st.floats(0, 500), st.integers(1, 60))
def test_the_tail_agrees_with_scipy(statistic: float, degrees: int) -> None:
    assert chi_square_tail(statistic, degrees) == pytest.approx(
        stats.chi2.sf(statistic, degrees), rel=1e-7, abs=1e-200
    )


@given(st.lists(st.lists(st.integers(1, 5_000), min_size=4, max_size=4), min_size=2, max_size=3))
def test_the_test_agrees_with_scipy(counts: list[list[int]]) -> None:
    table = np.array(counts, np.float64)
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert independence(table) == pytest.approx(expected, rel=1e-6, abs=1e-200)


def test_nothing_to_test() -> None:
    assert independence(np.array([[5.0, 3.0], [0.0, 0.0]])) == 1.0


def spread(train: list[int], validation: list[int], test: list[int]) -> dict[str, dict[str, int]]:
    names = ("a", "b")
    return {
        "train": dict(zip(names, train, strict=True)),
        "validation": dict(zip(names, validation, strict=True)),
        "test": dict(zip(names, test, strict=True)),
    }


def test_a_fair_draw_is_sound() -> None:
    assert stratification(spread([80, 81], [10, 9], [10, 10]), RULE)["sound"]


def test_a_split_by_label_is_not() -> None:
    result = stratification(spread([800, 0], [0, 100], [0, 100]), RULE)
    assert not result["sound"]
    assert result["p_value"] < 1e-6


def test_a_label_missing_from_a_small_split_is_not_sound_though_likely() -> None:
    result = stratification(spread([8, 2], [1, 1], [1, 0]), RULE)
    assert result["p_value"] > 1e-6
    assert not result["sound"]


def test_a_split_that_should_be_empty_lacks_nothing() -> None:
    assert stratification(spread([80, 81], [20, 19], [0, 0]), SplitRule(0.8, 0.2, ""))["sound"]
