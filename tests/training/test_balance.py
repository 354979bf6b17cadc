from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from components.training.balance import MOST, label_weights
from components.training.finish import loss_and_accuracy


@pytest.mark.parametrize("rows", [[5, 5], [90, 10], [1, 2, 3, 90], [7] * 200], ids=str)
def test_balanced_weights_are_scikit_learns(rows: list[int]) -> None:
    labels = np.repeat(np.arange(len(rows)), rows)
    expected = compute_class_weight("balanced", classes=np.arange(len(rows)), y=labels)
    weights = label_weights(np.array(rows), "balanced")
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    assert weights[labels].mean() == pytest.approx(1, abs=1e-6)


def test_a_label_of_few_rows_among_millions_does_not_rule() -> None:
    weights = label_weights(np.array([1_000_000, 10, 0]), "balanced")
    assert weights[1] / weights[0] == pytest.approx(MOST, rel=1e-5)
    assert weights[2] == 1
    rows = np.array([1_000_000, 10])
    assert (weights[:2] * rows).sum() / rows.sum() == pytest.approx(1, abs=1e-6)


def test_no_weights_are_ones() -> None:
    assert label_weights(np.array([9, 1]), "none").tolist() == [1, 1]
    assert label_weights(np.array([0, 0]), "balanced").tolist() == [1, 1]


def test_weights_are_chosen_by_what_was_weighed() -> None:
    labels = np.array([0] * 9 + [1], np.int32)
    logits = np.tile(np.array([[1.0, 0.0]], np.float32), (10, 1))
    assert loss_and_accuracy(logits, labels)[1] == 0.9
    balanced = label_weights(np.array([9, 1]), "balanced")
    assert loss_and_accuracy(logits, labels, balanced)[1] == 0.5
    assert loss_and_accuracy(logits[:0], labels[:0], balanced) == (0.0, 0.0)
