"""Bets against "the p-values are uniform": the money is the evidence.

A bet is a density on [0, 1]; playing it multiplies the stake by the density at the next p-value.
While p-values are independent and uniform no strategy gains in expectation, so by Ville's
inequality (1939; Shafer 2021, "Testing by betting", https://doi.org/10.1111/rssa.12647) the wealth
ever reaches c, over a stream of any length, with probability at most 1/c.

The capital of 1 is not staked at once but paid out text by text, in shares that fall like
1 / (s log^2 s): so a change after a million quiet texts still meets money that the quiet ones have
not eaten, at the price of log(s) in the evidence (the mixture over starting times of Shin, Ramdas
& Rinaldo 2022, https://arxiv.org/abs/2203.03532, section 4; Vovk 2021, "Testing randomness online",
https://doi.org/10.1214/20-STS817, on what to bet).
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

CELLS = 128
"""Equal parts of [0, 1] that a density is constant on: smaller p-values than 1/128 are rare when a
thousand rows are compared with."""
SHAPES = (0.35, 0.6, 1.0, 1.7, 3.0)
"""Parameters a, b of the beta densities that are played: shifts, spreads and concentrations."""
SPIKES = tuple(itertools.product((0.05, 0.2), (1, 4)))
"""Weights, and widths in cells, of bets on a small share of texts from far outside."""
STEPS = tuple(itertools.product((0.05, 0.1, 0.2, 0.4), (2, 6, 12, 20, 32, 56)))
"""The same of one-sided bets, on errors: those have the lowest p-values, in a share of the cells
that is the share of errors among the reference's rows."""
RICHEST = 1e200
"""Where wealth stops growing: further evidence says nothing more, and the number stays finite."""
ALL_SHARES = 2.1097428012368919
"""The sum of 1 / (s log^2 s) from s = 2 on (https://oeis.org/A115563)."""

Floats = npt.NDArray[np.float64]


@functools.cache
def densities(one_sided: bool) -> Floats:
    """The densities that are played.

    Args:
        one_sided: Only those that gain by small p-values alone.

    Returns:
        (CELLS, bets) float64; each bet's mean over the cells is 1.
    """
    fine = 32
    p = (np.arange(CELLS * fine) + 0.5) / (CELLS * fine)
    rows = []
    for a, b in () if one_sided else itertools.product(SHAPES, SHAPES):
        if (a, b) != (1, 1):
            rows.append((p ** (a - 1) * (1 - p) ** (b - 1)).reshape(CELLS, fine).mean(axis=1))
    for weight, width in STEPS if one_sided else SPIKES:
        spike = np.zeros(CELLS)
        spike[:width] = CELLS / width
        bet = 1 - weight + weight * spike
        rows += [bet] if one_sided else [bet, bet[::-1]]
    table = np.stack(rows, axis=1)
    normalised: Floats = table / table.mean(axis=0)
    return normalised


def share(start: int) -> float:
    """What of the capital is staked before p-value number `start`, from 0; all shares sum to 1."""
    return 1 / ((start + 2) * math.log(start + 2) ** 2) / ALL_SHARES


class Wealth:
    """The wealth of several games that are played side by side.

    Args:
        games: How many.
        one_sided: As `densities`.

    Attributes:
        stakes: (games, bets) float64, what is in play.
        age: P-values seen by each game.
        reserve: What has not been staked yet; the same in each game.
    """

    def __init__(self, games: int, one_sided: bool) -> None:
        self._table = densities(one_sided)
        self.stakes = np.zeros((games, self._table.shape[1]))
        self.age, self.reserve = 0, 1.0

    def play(self, cells: npt.NDArray[Any], enough: float) -> tuple[Floats, int]:
        """Bet on p-values one after the other until a game is rich.

        Args:
            cells: (t, games), the cell of each p-value.
            enough: The wealth to stop at.

        Returns:
            (games,) the wealth then, and how many rows were played; less than t, or t, the last
            of which made a game rich.
        """
        gains = self._table[cells]
        wealth = self.stakes.sum(axis=1) + self.reserve
        for row, gain in enumerate(gains):
            paid = share(self.age)
            self.reserve -= paid
            self.age += 1
            self.stakes += paid / self.stakes.shape[1]
            self.stakes *= gain
            wealth = self.stakes.sum(axis=1) + self.reserve
            if wealth.max() >= enough:
                np.minimum(self.stakes, RICHEST, out=self.stakes)
                return wealth, row + 1
        return wealth, len(gains)

    def begin(self, cells: npt.NDArray[Any], game: int) -> int:
        """Where the run of luck began that made a game rich.

        Args:
            cells: (t,), the game's newest cells, oldest first.
            game: Which.

        Returns:
            The row from which the richest bet has gained most.
        """
        best = int(self.stakes[game].argmax())
        gains = np.log(self._table[cells, best])
        return len(gains) - 1 - int(gains[::-1].cumsum().argmax())
