"""A sequential test of one kind of drift: its false alarms are counted over the whole stream.

P-values of several aspects (`conformal.py`) are each bet against (`betting.py`). A stream that
never drifts makes any of J games reach J / alpha with probability at most alpha (Ville's inequality
for each, and a union bound, since the games are not independent). The test may be looked at after
every text. Once it has said drift, it rests for a while and begins anew with the reference alone:
drift is held to be there until a number of texts has gone by in which the new test has not found it
again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.drift.aspects import Aspects
from components.drift.betting import CELLS, Wealth
from components.drift.conformal import BLOCK, Bag

RECENT = 1_024
"""Rows that are kept to tell since when and how much."""


@dataclass(frozen=True)
class Patience:
    """How long a test holds on to a drift.

    Attributes:
        rest: Rows after an alarm before the test begins anew: they tell how large the drift is.
        quiet: Rows in a row without another alarm after which the drift is over.
    """

    rest: int = 100
    quiet: int = 1_000


class SequentialTest:
    """The test; rows are told in their order.

    Args:
        aspects: What is watched, with the reference's rows.
        alpha: Probability of ever saying drift on a stream that has none.
        seed: Of the places among equals.
        one_sided: Whether drift is towards the lowest bins alone.
        patience: How long it holds on.

    Attributes:
        seen: Rows told so far.
        active: Whether drift is held to be there.
        since: When it began, seconds since 1970; None while there is none.
        alarms: Times that the test has said drift.
        first_alarm: The row, from 1, with which it first did; 0 before.
        alarmed: Which aspects were rich when it last did.
    """

    def __init__(
        self,
        aspects: Aspects,
        alpha: float,
        seed: int,
        one_sided: bool = False,
        patience: Patience | None = None,
    ) -> None:
        self.aspects = aspects
        self._seed, self._one_sided, self._patience = seed, one_sided, patience or Patience()
        self._enough = len(aspects.names) / alpha
        self.seen = self.alarms = self.first_alarm = 0
        self.active = False
        self.since: float | None = None
        self.alarmed = np.zeros(len(aspects.names), bool)
        self._found_at = self._rest_until = 0
        self._found_evidence = 0.0
        self._bins = np.zeros((RECENT, len(aspects.names)), np.uint8)
        self._cells = np.zeros((RECENT, len(aspects.names)), np.uint8)
        self._times = np.zeros(RECENT)
        self._begin()

    def _begin(self) -> None:
        self._bag = Bag(self.aspects.counts)
        self._wealth = Wealth(len(self.aspects.names), self._one_sided)
        self._richest = 1.0

    @property
    def evidence(self) -> float:
        """Log10 of the evidence, corrected for the number of aspects.

        Drift is said at `threshold`; while it is held, the largest evidence so far is told.
        """
        now = math.log10(max(self._richest, 1e-300) / len(self.aspects.names))
        return max(now, self._found_evidence) if self.active else now

    @property
    def threshold(self) -> float:
        """Log10 of the evidence at which drift is said."""
        return math.log10(self._enough / len(self.aspects.names))

    def tell(
        self,
        bins: npt.NDArray[np.uint8],
        categories: npt.NDArray[np.int64],
        times: npt.NDArray[np.float64],
    ) -> None:
        """Take rows into account.

        Args:
            bins: (t, aspects) uint8.
            categories: (t,) int64.
            times: (t,) when they came, seconds since 1970, UTC.
        """
        start = 0
        while start < len(bins):
            resting = max(0, self._rest_until - self.seen)
            rows = slice(start, start + (min(resting, BLOCK) or BLOCK))
            block = bins[rows], categories[rows], times[rows]
            if resting:
                self._keep(block[0], np.full(block[0].shape, CELLS // 2), block[2])
                start += len(block[0])
            else:
                start += self._test(*block)
            if self.active and self.seen - self._found_at >= self._patience.quiet:
                self.active, self.since, self._found_evidence = False, None, 0.0
                self.alarmed[:] = False

    def recent(self, newest: int) -> npt.NDArray[np.uint8]:
        """(rows, aspects) uint8, the bins of rows since drift began, or of so many newest ones."""
        kept = min(self.seen, RECENT)
        bins, times = self._bins[RECENT - kept :], self._times[RECENT - kept :]
        return bins[-newest:] if self.since is None else bins[times >= self.since]

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """What another test of the same aspects needs to go on."""
        numbers = [
            self._wealth.age,
            self._wealth.reserve,
            self._richest,
            self.seen,
            self.alarms,
            self.first_alarm,
            self.active,
            math.nan if self.since is None else self.since,
            self._found_at,
            self._rest_until,
            self._found_evidence,
        ]
        return {
            "numbers": np.array(numbers, np.float64),
            "alarmed": self.alarmed,
            "counts": self._bag.counts,
            "stakes": self._wealth.stakes,
            "bins": self._bins,
            "cells": self._cells,
            "times": self._times,
        }

    def restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Go on where another test of the same aspects was.

        Args:
            state: What its `state` gave.

        Raises:
            ValueError: When it is of other aspects.
        """
        mine = self.state()
        if any(name not in state or state[name].shape != mine[name].shape for name in mine):
            raise ValueError("a state of other aspects")
        age, reserve, richest, seen, alarms, first, active, since, at, rest, found = state[
            "numbers"
        ].tolist()
        self._wealth.age, self._wealth.reserve, self._richest = int(age), reserve, richest
        self.seen, self.alarms, self.first_alarm = int(seen), int(alarms), int(first)
        self.active, self.since = bool(active), None if math.isnan(since) else since
        self._found_at, self._rest_until, self._found_evidence = int(at), int(rest), found
        self.alarmed, self._bag = state["alarmed"].astype(bool), Bag(state["counts"])
        self._wealth.stakes = state["stakes"].copy()
        self._bins, self._cells = state["bins"].copy(), state["cells"].copy()
        self._times = state["times"].copy()

    def _test(self, bins: Any, categories: Any, times: Any) -> int:
        ties = np.random.default_rng([self._seed, self.seen]).random(bins.shape)
        p_values = self._bag.rank(bins, categories, ties)
        cells = np.minimum((p_values * CELLS).astype(np.uint8), CELLS - 1)
        wealth, played = self._wealth.play(cells, self._enough)
        self._bag.add(bins[:played], categories[:played])
        self._keep(bins[:played], cells[:played], times[:played])
        self._richest = float(wealth.max())
        if self._richest >= self._enough:
            self._alarm(wealth)
        return played

    def _alarm(self, wealth: npt.NDArray[np.float64]) -> None:
        rows = min(self._wealth.age, RECENT)
        best = int(wealth.argmax())
        if not self.active:
            begun = self._wealth.begin(self._cells[-rows:, best], best)
            self.since = float(self._times[-rows:][begun])
            self.active = True
            self.first_alarm = self.first_alarm or self.seen
        self._found_evidence = max(self._found_evidence, self.evidence)
        self.alarmed |= wealth >= self._enough
        self.alarms += 1
        self._found_at, self._rest_until = self.seen, self.seen + self._patience.rest
        self._begin()

    def _keep(self, bins: Any, cells: Any, times: Any) -> None:
        self.seen += len(bins)
        for ring, new in ((self._bins, bins), (self._cells, cells), (self._times, times)):
            new = new[-RECENT:]
            ring[: -len(new)] = ring[len(new) :]  # a copy of some kilobytes
            ring[-len(new) :] = new
