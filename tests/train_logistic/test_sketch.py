import numpy as np
import pytest

from components.contract.encoding import from_rows
from components.train_logistic.features import SKETCH_BITS, count_ngrams, sketch


def rows(seed: int, n: int, length: int, vocabulary: int = 5_000) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.integers(0, vocabulary, length).astype(np.uint32) for _ in range(n)]


def sketched(texts: list[np.ndarray]) -> np.ndarray:
    return sketch(count_ngrams(from_rows(texts), 2, 20))


def test_its_shape_and_type() -> None:
    made = sketched([*rows(0, 3, 20), np.zeros(0, np.uint32)])
    assert made.shape == (4, 1 << SKETCH_BITS)
    assert made.dtype == np.float32
    assert not made[3].any()
    assert sketched([]).shape == (0, 1 << SKETCH_BITS)


def test_a_row_never_depends_on_the_others() -> None:
    texts = rows(1, 50, 30)
    together = sketched(texts)
    np.testing.assert_array_equal(together, np.concatenate([sketched([text]) for text in texts]))


def test_squared_norms_are_one_in_expectation() -> None:
    norms = (sketched(rows(2, 2_000, 40)) ** 2).sum(axis=1)
    assert norms.mean() == pytest.approx(1, abs=0.02)


def test_inner_products_follow_the_share_of_common_ngrams() -> None:
    one, other = rows(3, 1_000, 60), rows(4, 1_000, 60)
    half = [np.concatenate([a[:30], b[30:]]) for a, b in zip(one, other, strict=True)]
    same = (sketched(one) * sketched(half)).sum(axis=1).mean()
    apart = (sketched(one) * sketched(other)).sum(axis=1).mean()
    assert same == pytest.approx(0.5, abs=0.05)
    assert apart == pytest.approx(0, abs=0.05)
