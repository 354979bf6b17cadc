from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import f1_score

from components.register.paired import (
    binomial_tail,
    loss_upper_bound,
    macro_f1,
    macro_f1_loss_bound,
    macro_f1_test,
    mcnemar,
)


@pytest.mark.parametrize(
    ("won", "lost"), [(0, 0), (1, 0), (5, 5), (12, 3), (3, 12), (210, 160), (5_200, 4_800)]
)
def test_mcnemar_is_the_two_sided_binomial_test(won, lost):
    expected = binomtest(won, won + lost).pvalue if won + lost else 1.0
    assert mcnemar(won, lost) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("successes", "trials"), [(0, 4), (5, 4), (3, 4), (900, 2_000)])
def test_binomial_tail_is_scipys(successes, trials):
    expected = binomtest(min(successes, trials), trials, alternative="greater").pvalue
    expected = 0.0 if successes > trials else expected
    assert binomial_tail(successes, trials) == pytest.approx(expected, rel=1e-9)


def test_the_upper_bound_covers_the_true_loss_as_often_as_it_says():
    generator = np.random.default_rng(0)
    draws = generator.multinomial(1_000, [0.05, 0.08, 0.87], 4_000)  # true loss: 0.03
    bounds = [loss_upper_bound(int(won), int(lost), 1_000, 0.05) for won, lost, _ in draws]
    assert np.mean(np.array(bounds) >= 0.03) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("labels", [2, 5, 40])
def test_macro_f1_is_scikit_learns(labels):
    generator = np.random.default_rng(labels)
    truth, predicted = generator.integers(0, labels, (2, 200))
    truth[truth == 1] = 0  # a label that no row has
    expected = f1_score(truth, predicted, labels=range(labels), average="macro", zero_division=0)
    assert macro_f1(truth, predicted, labels) == pytest.approx(expected)


def test_the_paired_bootstrap_agrees_with_drawing_rows():
    generator = np.random.default_rng(3)
    truth = generator.integers(0, 3, 300)
    new = np.where(generator.random(300) < 0.85, truth, generator.integers(0, 3, 300))
    old = np.where(generator.random(300) < 0.80, truth, generator.integers(0, 3, 300))
    gains = []
    for _ in range(1_000):
        rows = generator.integers(0, 300, 300)
        gains.append(macro_f1(truth[rows], new[rows], 3) - macro_f1(truth[rows], old[rows], 3))
    expected = 2 * min(np.mean(np.array(gains) <= 0), np.mean(np.array(gains) >= 0))
    assert macro_f1_test(truth, new, old, 3) == pytest.approx(expected, abs=0.04)


def test_equal_predictions_differ_by_nothing():
    truth = np.arange(100) % 4
    assert macro_f1_test(truth, truth, truth, 4) == 1.0
    assert macro_f1_test(truth, (truth + 1) % 4, (truth + 1) % 4, 4) == 1.0


def test_the_bound_of_a_macro_f1_loss_covers_it_as_often_as_it_says():
    generator = np.random.default_rng(5)

    def drawn(rows):
        truth = generator.integers(0, 3, rows)
        lucky = generator.random((2, rows)) < np.array([[0.80], [0.84]])
        return truth, *np.where(lucky, truth, (truth + 1) % 3)

    truth, new, old = drawn(200_000)
    true_loss = macro_f1(truth, old, 3) - macro_f1(truth, new, 3)
    bounds = [macro_f1_loss_bound(*drawn(400), 3, 0.05, resamples=400) for _ in range(300)]
    assert np.mean(np.array(bounds) >= true_loss) == pytest.approx(0.95, abs=0.035)
