from __future__ import annotations

import numpy as np

from components.drift.conformal import Bag, tally

SHAPE = (2, 2, 8)


def rows(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    source = np.random.default_rng(seed)
    bins = source.integers(0, 8, (n, 2)).astype(np.uint8)
    return bins, source.integers(0, 2, n), source.random((n, 2))


def test_tally_counts() -> None:
    bins, categories, _ = rows(1, 50)
    counts = tally(bins, categories, SHAPE)
    for aspect in range(2):
        for category in range(2):
            for place in range(8):
                expected = ((bins[:, aspect] == place) & (categories == category)).sum()
                assert counts[aspect, category, place] == expected


def test_ranks_are_those_of_a_plain_count() -> None:
    before, before_categories, _ = rows(1, 60)
    bins, categories, ties = rows(2, 40)
    told = Bag(tally(before, before_categories, SHAPE)).rank(bins, categories, ties)
    everything = np.concatenate([before, bins])
    every_category = np.concatenate([before_categories, categories])
    for row in range(40):
        seen = slice(0, 60 + row + 1)
        same = every_category[seen] == categories[row]
        for aspect in range(2):
            mine = everything[seen][same][:, aspect]
            below = (mine < bins[row, aspect]).sum()
            equal = (mine == bins[row, aspect]).sum()
            expected = (below + ties[row, aspect] * equal) / len(mine)
            assert np.isclose(told[row, aspect], expected)


def test_blocks_do_not_matter() -> None:
    before, before_categories, _ = rows(1, 60)
    bins, categories, ties = rows(2, 40)
    start = tally(before, before_categories, SHAPE)
    whole = Bag(start).rank(bins, categories, ties)
    bag, parts = Bag(start), []
    for part in (slice(0, 7), slice(7, 8), slice(8, 40)):
        parts.append(bag.rank(bins[part], categories[part], ties[part]))
        bag.add(bins[part], categories[part])
    assert np.allclose(whole, np.concatenate(parts))


def test_p_values_are_uniform_however_small_the_reference() -> None:
    """Twenty rows of reference, and thousands after them: against those alone they would not be."""
    source = np.random.default_rng(5)
    values = []
    for _ in range(30):
        drawn = np.minimum(source.geometric(0.4, (320, 1)) - 1, 7).astype(np.uint8)
        zeros = np.zeros(320, np.int64)
        bag = Bag(tally(drawn[:20], zeros[:20], (1, 1, 8)))
        values.append(bag.rank(drawn[20:], zeros[20:], source.random((300, 1))))
    everything = np.sort(np.concatenate(values).ravel())
    gap = np.abs(everything - (np.arange(len(everything)) + 0.5) / len(everything)).max()
    assert gap < 1.63 / np.sqrt(len(everything))  # Kolmogorov's 1 % bound
