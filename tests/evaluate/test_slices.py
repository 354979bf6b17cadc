from __future__ import annotations

import numpy as np
import pytest

from components.contract.dataset import Batch
from components.contract.errors import InputError
from components.evaluate.scoring import Tally, column_order
from components.evaluate.slices import OTHER, length_quartiles, slice_metrics, sliced


def tallied(n, probabilities, labels, texts=None, **slices):
    tally = Tally(probabilities.shape[1])
    batch = Batch(texts or ["two words"] * n, np.array(labels, np.int32), [b""] * n, slices)
    tally.add(batch, probabilities.astype(np.float32))
    return tally.scored()


def test_rare_and_surplus_values_become_other():
    values = ["big"] * 60 + ["rare"] * 19 + [None] * 21
    scored = tallied(100, np.tile([0.7, 0.3], (100, 1)), [0] * 100, source=values)
    columns = sliced(scored)
    assert set(columns["source"]) == {"big", OTHER, ""}
    many = [str(i) for i in range(60) for _ in range(20)]
    scored = tallied(1_200, np.tile([0.7, 0.3], (1_200, 1)), [0] * 1_200, source=many)
    values, counts = np.unique(sliced(scored)["source"].astype(str), return_counts=True)
    assert len(values) == 51
    assert counts[values == OTHER] == 200


def test_slices_add_up_and_the_worst_comes_first():
    labels = [0] * 50 + [1] * 50
    scored = tallied(
        100, np.tile([0.7, 0.3], (100, 1)), labels, half=["first"] * 50 + ["second"] * 50
    )
    found = [s for s in slice_metrics(scored, sliced(scored), 2) if s["column"] == "half"]
    assert [(s["value"], s["accuracy"]) for s in found] == [("second", 0.0), ("first", 1.0)]
    assert sum(s["rows"] for s in found) == 100


def test_quartiles_of_length_hold_a_quarter_each():
    names = length_quartiles(np.arange(1, 101))
    assert dict(zip(*np.unique(names.astype(str), return_counts=True), strict=True)) == {
        "1-25 words": 25,
        "26-50 words": 25,
        "51-75 words": 25,
        "76-100 words": 25,
    }
    assert set(length_quartiles(np.full(30, 7))) == {"7 words"}
    assert len(length_quartiles(np.zeros(0, int))) == 0


def test_a_column_of_the_datasets_own_name_wins():
    scored = tallied(40, np.tile([0.7, 0.3], (40, 1)), [0] * 40, length=["short"] * 40)
    assert set(sliced(scored)["length"]) == {"short"}


def test_a_row_that_is_no_number_counts_as_wrong():
    probabilities = np.array([[np.nan, 0.5], [0.2, 0.8], [np.inf, 0.0]])
    scored = tallied(3, probabilities, [0, 1, 1])
    assert scored.invalid == 2
    assert scored.right.tolist() == [False, True, False]
    assert np.isfinite(scored.likelihood).all()


def test_labels_are_matched_by_name():
    assert column_order(("a", "b", "c"), ("c", "a", "b")).tolist() == [1, 2, 0]
    with pytest.raises(InputError) as caught:
        column_order(("a", "new"), ("a", "old"))
    assert caught.value.code == "label_mismatch"
    assert "new" in caught.value.message
    assert "old" in caught.value.message
