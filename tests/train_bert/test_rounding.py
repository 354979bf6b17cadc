from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from components.train_bert.quantise import smooth
from components.train_bert.rounding import LARGEST, PAIR_LARGEST, round_weights, step_sizes


def inputs_and_weights(k: int, n: int, seed: int = 0) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    generator = np.random.default_rng(seed)
    mixing = generator.normal(size=(k, k))
    x = generator.normal(size=(400, k)) @ mixing  # columns that go together, as real ones do
    return x, generator.normal(size=(k, n)).astype(np.float32)


@pytest.mark.parametrize("k", [1, 2, 7, 64, 65, 200])
def test_integers_and_pairs_of_them_stay_within_what_16_bits_hold(k: int) -> None:
    x, weight = inputs_and_weights(k, 30)
    weight[: k // 2] = 3.0  # pairs of the largest values
    rounded, steps = round_weights(weight, x.T @ x / len(x))
    assert rounded.dtype == np.int8
    assert steps.shape == (30,)
    wide = rounded.astype(np.int64)
    assert np.abs(wide).max() <= LARGEST
    even = k // 2 * 2
    for one_sign in (np.maximum(wide[:even], 0), np.maximum(-wide[:even], 0)):
        sums = one_sign[0::2] + one_sign[1::2]
        assert sums.max(initial=0) <= PAIR_LARGEST
        assert sums.max(initial=0) * 255 < 2**15


def test_results_change_less_than_by_rounding_each_weight_alone() -> None:
    x, weight = inputs_and_weights(64, 40)
    rounded, steps = round_weights(weight, x.T @ x / len(x))
    plain = np.clip(np.rint(weight / step_sizes(weight)), -LARGEST, LARGEST)
    ours, theirs = (np.square(x @ (r * steps - weight)).mean() for r in (rounded, plain))
    assert ours < 0.6 * theirs


def test_weights_on_the_grid_stay_where_they_are() -> None:
    x, _ = inputs_and_weights(6, 1)
    weight = np.array([[100, -20, 27, 0, -100, 28]], np.float32).T / 100
    weight[0] = 1.27
    rounded, steps = round_weights(weight, x.T @ x / len(x))
    np.testing.assert_allclose(rounded * steps, weight, atol=float(steps[0]))


@pytest.mark.parametrize("shape", [(8, 3), (1, 1)])
def test_columns_of_zeros_and_inputs_that_never_come(shape: tuple[int, int]) -> None:
    zeros = np.zeros(shape, np.float32)
    rounded, steps = round_weights(zeros, np.zeros((shape[0], shape[0])))
    assert not rounded.any()
    assert (steps > 0).all()


def test_smoothing_moves_unevenness_into_the_weights() -> None:
    weight = np.random.default_rng(1).normal(size=(5, 7)).astype(np.float32)
    largest = np.array([1, 1, 100, 1, 0], np.float32)
    smoothing = smooth(weight, largest)
    assert smoothing.dtype == np.float32
    assert np.log(smoothing).mean() == pytest.approx(0, abs=1e-5)
    assert smoothing.argmax() == 2
    assert np.isfinite(1 / smoothing).all()
    even = largest[:4] / smoothing[:4]
    assert even.max() / even.min() < 100
