from __future__ import annotations

import numpy as np
import pytest

from components.drift.accuracy import LEAST_ROWS, AccuracyEstimator
from components.drift.reference import Reference
from tests.drift.made import reference, stream


def calibrated(rows: int, seed: int, sureness: float) -> tuple[Reference, float]:
    """Rows whose confidence is right, and their accuracy."""
    source = np.random.default_rng(seed)
    odds = source.normal(0, sureness, rows)
    probability = 1 / (1 + np.exp(-odds))
    labels = (source.random(rows) < probability).astype(np.int32)
    probabilities = np.stack([1 - probability, probability], axis=1).astype(np.float32)
    features = np.zeros((rows, 2), np.float32)
    made = Reference(features, probabilities, source.poisson(50, rows).astype(np.int64), labels)
    return made, 1 - float(made.errors.mean())


def test_it_covers_the_accuracy_of_surer_and_less_sure_texts() -> None:
    covered = 0
    for seed in range(40):
        # A reference of its own each: one that is unlucky makes all estimates so.
        estimator = AccuracyEstimator(calibrated(1_000, 1_000 + seed, 2.0)[0])
        window, accuracy = calibrated(500, seed + 1, 0.5 + seed % 4)
        told = estimator.estimate(window.probabilities, window.lengths)
        assert told is not None
        assert 0 <= told.lower <= told.estimate <= told.upper <= 1
        covered += told.lower <= accuracy <= told.upper
    assert covered >= 34


def test_texts_far_from_the_reference_s_lengths_have_a_wider_interval() -> None:
    window, _ = calibrated(500, 1, 2.0)
    estimator = AccuracyEstimator(calibrated(1_000, 0, 2.0)[0])
    near = estimator.estimate(window.probabilities, window.lengths)
    far = estimator.estimate(window.probabilities, window.lengths // 25)
    assert near is not None
    assert far is not None
    assert far.upper - far.lower > 1.5 * (near.upper - near.lower)


@pytest.mark.parametrize("errors", [0.0, 1.0])
def test_a_reference_that_is_all_right_or_all_wrong_is_survived(errors: float) -> None:
    window = stream(200, 1)
    told = AccuracyEstimator(reference(errors=errors)).estimate(
        window.probabilities, window.lengths
    )
    assert told is not None
    assert told.estimate == pytest.approx(1 - errors, abs=0.1)


def test_few_rows_have_no_estimate() -> None:
    window = stream(LEAST_ROWS - 1, 1)
    assert AccuracyEstimator(reference()).estimate(window.probabilities, window.lengths) is None
