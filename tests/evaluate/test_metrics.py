from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from components.evaluate.calibration_error import reliability
from components.evaluate.metrics import Confusion, class_scores, headline, intervals, log_loss


def rows(k, n=400, seed=0):
    """(n,) truth and predictions of k labels, of which the last is absent from the truth."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, max(k - 1, 1), n)
    guess = generator.integers(0, k, n)
    return truth, np.where(generator.random(n) < 0.7, truth, guess)


@pytest.mark.parametrize("k", [2, 3, 7, 60])
def test_every_score_is_scikit_learns(k):
    truth, predicted = rows(k)
    confusion = Confusion.of(truth, predicted, k)
    scores = class_scores(confusion)
    expected = sklearn_metrics.precision_recall_fscore_support(
        truth, predicted, labels=range(k), zero_division=0
    )
    for own, theirs in zip(
        (scores.precision, scores.recall, scores.f1, scores.support), expected, strict=True
    ):
        assert own == pytest.approx(theirs)
    assert np.array_equal(
        confusion.dense(), sklearn_metrics.confusion_matrix(truth, predicted, labels=range(k))
    )
    found = headline(confusion)
    f1 = {"labels": range(k), "zero_division": 0}
    assert found["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(truth, predicted))
    assert found["macro_f1"] == pytest.approx(
        sklearn_metrics.f1_score(truth, predicted, average="macro", **f1)
    )
    assert found["micro_f1"] == pytest.approx(
        sklearn_metrics.f1_score(truth, predicted, average="micro", **f1)
    )


def test_no_rows_score_nothing():
    empty = Confusion.of(np.zeros(0, int), np.zeros(0, int), 3)
    assert headline(empty) == {"accuracy": 0.0, "macro_f1": 0.0, "micro_f1": 0.0}
    assert intervals(empty, 100, 0) == {"accuracy": [0.0, 0.0], "macro_f1": [0.0, 0.0]}
    assert log_loss(np.zeros(0)) == 0.0


def test_ten_thousand_labels_need_no_matrix():
    truth, predicted = rows(10_000, n=5_000)
    found = intervals(Confusion.of(truth, predicted, 10_000), 100, 0)
    assert found["accuracy"][0] < headline(Confusion.of(truth, predicted, 10_000))["accuracy"]


@pytest.mark.parametrize("k", [2, 9])
def test_intervals_agree_with_drawing_rows(k):
    truth, predicted = rows(k, n=300, seed=k)
    generator = np.random.default_rng(1)
    accuracy, macro_f1 = [], []
    for _ in range(1_500):
        drawn = generator.integers(0, 300, 300)
        found = headline(Confusion.of(truth[drawn], predicted[drawn], k))
        accuracy.append(found["accuracy"])
        macro_f1.append(found["macro_f1"])
    own = intervals(Confusion.of(truth, predicted, k), 2_000, 13)
    assert own["accuracy"] == pytest.approx(np.percentile(accuracy, [2.5, 97.5]), abs=0.012)
    assert own["macro_f1"] == pytest.approx(np.percentile(macro_f1, [2.5, 97.5]), abs=0.012)
    assert own == intervals(Confusion.of(truth, predicted, k), 2_000, 13)


def test_log_loss_is_scikit_learns():
    generator = np.random.default_rng(2)
    truth = generator.integers(0, 3, 200)
    probabilities = generator.dirichlet(np.ones(3), 200)
    expected = sklearn_metrics.log_loss(truth, probabilities)
    assert log_loss(probabilities[np.arange(200), truth]) == pytest.approx(expected)
    assert np.isfinite(log_loss(np.array([0.0, 1.0])))


def test_calibration_error_is_the_sum_over_bins():
    generator = np.random.default_rng(3)
    confidence = np.concatenate([generator.uniform(0.3, 1, 500), [0.0, 0.2, 1.0]])
    right = generator.random(503) < confidence**2
    expected = 0.0
    for low in range(15):
        inside = [
            i for i, c in enumerate(confidence) if low / 15 < c <= (low + 1) / 15 or c == low == 0
        ]
        if inside:
            gap = np.mean(right[inside]) - np.mean(confidence[inside])
            expected += len(inside) / 503 * abs(gap)
    bins = reliability(confidence, right, 15)
    assert bins.error == pytest.approx(expected)
    assert bins.rows.sum() == 503


def test_calibration_error_of_extremes():
    assert reliability(np.ones(10), np.ones(10, bool), 15).error == 0.0
    assert reliability(np.ones(10), np.zeros(10, bool), 15).error == 1.0
    assert reliability(np.zeros(0), np.zeros(0, bool), 15).error == 0.0
