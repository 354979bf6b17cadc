"""The texts that wait for one model, and which of them make a good batch."""

from __future__ import annotations

import bisect
import dataclasses
import heapq
from collections.abc import Sequence

from serving.predictor.served import BatchLimits
from serving.predictor.ticket import Item, Ticket

FEW = 8
"""Texts that are put into a sorted list one by one; more are sorted in together."""


class Lane:
    """The texts that wait for one model."""

    def __init__(self, limits: BatchLimits) -> None:
        self.limits = limits
        self.busy = 0
        self.by_cost: list[Item] = []
        self._by_rank: list[tuple[float, int, Item]] = []

    def add(self, items: Sequence[Item]) -> None:
        for item in items:
            heapq.heappush(self._by_rank, (item.rank, item.number, item))
        if len(items) > FEW:
            self.by_cost.extend(items)
            self.by_cost.sort(key=_place)
        else:
            for item in items:
                bisect.insort(self.by_cost, item, key=_place)

    def first(self) -> Item | None:
        """Whose turn it is."""
        while self._by_rank and self._by_rank[0][2].taken:
            heapq.heappop(self._by_rank)
        return self._by_rank[0][2] if self._by_rank else None

    def take(self, first: Item, rows: int) -> list[Item]:
        """Take the batch around the one whose turn it is, at most `rows` texts."""
        at = bisect.bisect_left(self.by_cost, _place(first), key=_place)
        limits = dataclasses.replace(self.limits, rows=min(rows, self.limits.rows))
        low, high = window(self.by_cost, at, limits)
        items = self.by_cost[low:high]
        del self.by_cost[low:high]
        for item in items:
            item.taken = True
        return items

    def remove(self, ticket: Ticket) -> int:
        """Forget a request's texts; returns how many still waited."""
        kept = []
        for item in self.by_cost:
            if item.ticket is ticket:
                item.taken = True
            else:
                kept.append(item)
        removed = len(self.by_cost) - len(kept)
        self.by_cost = kept
        return removed


def window(items: Sequence[Item], at: int, limits: BatchLimits) -> tuple[int, int]:
    """The neighbours that one text shares a batch with, those that cost the least padding first.

    Args:
        items: All that wait, shortest first.
        at: The text's place among them.
        limits: What the batch may hold.

    Returns:
        The batch is `items[low:high]`: the text and its nearest in length.
    """
    low, high = at, at + 1
    longest = items[at].cost
    while high - low < limits.rows:
        rows = high - low
        shorter = longer = limits.padding + 1  # tokens of padding that either side would add
        if low and (rows + 1) * longest <= limits.tokens:
            shorter = longest - items[low - 1].cost
        if high < len(items) and (rows + 1) * items[high].cost <= limits.tokens:
            longer = rows * (items[high].cost - longest)
        if min(shorter, longer) > limits.padding:
            break
        if longer <= shorter:
            longest = items[high].cost
            high += 1
        else:
            low -= 1
    return low, high


def _place(item: Item) -> tuple[int, int]:
    return item.cost, item.number
