from __future__ import annotations

import math

import numpy as np
import pytest

from components.drift.betting import CELLS, Wealth, densities, share


@pytest.mark.parametrize("one_sided", [False, True])
def test_every_bet_is_fair(one_sided: bool) -> None:
    table = densities(one_sided)
    assert (table > 0).all()
    assert np.allclose(table.mean(axis=0), 1)


def test_one_sided_bets_gain_by_small_p_values_alone() -> None:
    assert (np.diff(densities(True), axis=0) <= 1e-12).all()


def test_shares_sum_to_the_capital() -> None:
    paid = sum(share(i) for i in range(200_000))
    left = 1 / math.log(200_002) / 2.1097428012368919  # the integral of what is to come
    assert paid + left == pytest.approx(1, abs=1e-6)


def test_wealth_is_what_each_start_won_by_itself() -> None:
    cells = np.random.default_rng(1).integers(0, CELLS, (40, 2))
    wealth = Wealth(2, one_sided=False)
    told, played = wealth.play(cells, math.inf)
    table = densities(False)
    for game in (0, 1):
        expected = 1 - sum(share(i) for i in range(40))
        for start in range(40):
            expected += share(start) * table[cells[start:, game]].prod(axis=0).mean()
        assert told[game] == pytest.approx(expected)
    assert played == 40


def test_uniform_p_values_rarely_make_rich() -> None:
    """Ville's inequality, counted: 100 is reached in at most one game of a hundred."""
    cells = np.random.default_rng(7).integers(0, CELLS, (2_000, 400))
    reached = np.zeros(400, bool)
    wealth = Wealth(400, one_sided=False)
    for row in cells:
        told, _ = wealth.play(row[None], math.inf)
        reached |= told >= 100
    assert reached.sum() <= 10  # 4 expected at most; 11 or more: one in 500


def test_a_change_after_a_long_quiet_is_still_found() -> None:
    source = np.random.default_rng(3)
    wealth = Wealth(1, one_sided=False)
    wealth.play(source.integers(0, CELLS, (20_000, 1)), math.inf)
    _, played = wealth.play(source.integers(0, CELLS // 8, (200, 1)), 1_000)
    assert played < 40


def test_where_luck_began() -> None:
    source = np.random.default_rng(3)
    cells = source.integers(0, CELLS, (500, 1))
    cells[400:] //= 20
    wealth = Wealth(1, one_sided=False)
    wealth.play(cells, math.inf)
    assert abs(wealth.begin(cells[:, 0], 0) - 400) <= 5


def test_wealth_stays_finite() -> None:
    wealth = Wealth(1, one_sided=True)
    for _ in range(5):
        told, _ = wealth.play(np.zeros((1_000, 1), int), 1e9)
        assert np.isfinite(told).all()
