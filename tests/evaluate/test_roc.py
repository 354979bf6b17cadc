from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from components.evaluate.roc import CURVE_POINTS, MICRO_AVERAGE, curve, curves


@pytest.mark.parametrize("digits", [1, 2, 12])  # 1: many ties
def test_area_and_points_are_scikit_learns(digits):
    generator = np.random.default_rng(digits)
    positive = generator.random(500) < 0.3
    scores = np.round(0.3 * positive + 0.7 * generator.random(500), digits)
    own = curve("label", positive, scores)
    assert own.area == pytest.approx(roc_auc_score(positive, scores))
    fpr, tpr, _ = roc_curve(positive, scores, drop_intermediate=False)
    theirs = set(zip(fpr.round(9), tpr.round(9), strict=True))
    assert set(zip(own.fpr.round(9), own.tpr.round(9), strict=True)) <= theirs


def test_a_long_curve_is_thinned_and_finite():
    generator = np.random.default_rng(0)
    positive = generator.random(50_000) < 0.5
    own = curve("label", positive, positive * 0.2 + 0.8 * generator.random(50_000))
    assert 100 < len(own.fpr) <= CURVE_POINTS
    assert (own.fpr[0], own.tpr[0], own.fpr[-1], own.tpr[-1]) == (0, 0, 1, 1)
    for values in (own.fpr, own.tpr, -own.thresholds):
        assert np.isfinite(values).all()
        assert (np.diff(values) >= 0).all()
    area = np.sum(np.diff(own.fpr) * (own.tpr[1:] + own.tpr[:-1]) / 2)
    assert area == pytest.approx(own.area, abs=0.001)


def test_two_labels_have_one_curve_and_more_an_average():
    generator = np.random.default_rng(1)
    truth = generator.integers(0, 3, 200)
    probabilities = generator.dirichlet(np.ones(3), 200)
    names = [c.name for c in curves(("a", "b", "c"), truth, probabilities)]
    assert names == [MICRO_AVERAGE, "a", "b", "c"]
    two = curves(("a", "b"), truth % 2, probabilities[:, :2])
    assert [c.name for c in two] == ["b"]


def test_a_label_that_no_row_has_draws_no_curve():
    truth = np.zeros(50, int)
    probabilities = np.full((50, 3), 1 / 3)
    assert [c.name for c in curves(("a", "b", "c"), truth, probabilities)] == [MICRO_AVERAGE]
    assert curves(("a", "b"), truth, probabilities[:, :2]) == []
