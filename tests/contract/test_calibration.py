import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from components.contract.calibration import fit_temperature, log_loss, softmax


@given(st.integers(1, 20), st.integers(2, 6), st.floats(0.1, 10), st.integers(0, 10**6))
def test_softmax_and_log_loss_against_scipy(n: int, k: int, t: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    logits, labels = random.normal(0, 30, (n, k)).astype(np.float32), random.integers(0, k, n)
    expected = log_softmax(logits.astype(float) / t, axis=1)
    np.testing.assert_allclose(softmax(logits, t), np.exp(expected), atol=1e-6)
    assert log_loss(logits, labels, t) == pytest.approx(-expected[np.arange(n), labels].mean())


@pytest.mark.parametrize("truth", [0.3, 1.0, 4.0])
def test_temperature_is_found(truth: float) -> None:
    random = np.random.default_rng(3)
    honest = random.normal(0, 2, (4000, 3))
    uniform = random.random((4000, 1))
    labels = (softmax(honest).cumsum(1) < uniform).sum(1)
    logits = (honest * truth).astype(np.float32)
    found = fit_temperature(logits, labels)
    other = minimize_scalar(
        lambda t: log_loss(logits, labels, t), bounds=(0.05, 20), method="bounded"
    )
    assert found == pytest.approx(truth, rel=0.1)
    assert log_loss(logits, labels, found) <= other.fun + 1e-6


def test_hopeless_logits_stay_within_range() -> None:
    sure = np.array([[0.1, -0.1]] * 10, np.float32)
    assert fit_temperature(sure, np.zeros(10, int)) == pytest.approx(0.05, rel=0.01)
    assert fit_temperature(sure, np.ones(10, int)) == pytest.approx(20, rel=0.01)
    assert fit_temperature(np.zeros((0, 2), np.float32), np.zeros(0, int)) == 1.0
