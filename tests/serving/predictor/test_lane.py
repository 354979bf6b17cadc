from __future__ import annotations

from dataclasses import dataclass

import pytest

from serving.predictor.lane import window
from serving.predictor.served import BatchLimits


@dataclass
class Waiting:
    cost: int


@pytest.mark.parametrize(
    ("costs", "at", "rows", "tokens", "padding", "expected"),
    [
        ([5], 0, 8, 100, 0, [5]),
        ([5, 5, 5], 1, 8, 100, 0, [5, 5, 5]),
        ([5, 5, 5], 1, 2, 100, 0, [5, 5]),
        # a text beyond every budget goes alone
        ([5, 500], 1, 8, 100, 9999, [500]),
        # the budget counts padding: three rows of 40 are 120
        ([38, 39, 40], 0, 8, 119, 99, [38, 39]),
        ([38, 39, 40], 0, 8, 120, 99, [38, 39, 40]),
        # the nearer neighbour first, the other only while its padding is worth it
        ([10, 18, 20, 21], 2, 8, 999, 2, [20, 21]),
        ([10, 18, 20, 21], 2, 8, 999, 3, [18, 20, 21]),
        ([10, 18, 20, 21], 2, 8, 999, 11, [10, 18, 20, 21]),
        # a longer one makes every row longer: two rows by 4 are 8 tokens
        ([20, 20, 24], 0, 8, 999, 7, [20, 20]),
        ([20, 20, 24], 0, 8, 999, 8, [20, 20, 24]),
    ],
)
def test_a_batch_is_the_nearest_in_length_within_its_limits(
    costs: list[int], at: int, rows: int, tokens: int, padding: int, expected: list[int]
) -> None:
    items = [Waiting(cost) for cost in costs]
    low, high = window(items, at, BatchLimits(rows, tokens, padding, 1))  # type: ignore[arg-type]
    assert costs[low:high] == expected
