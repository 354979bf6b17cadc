from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pytest
import torch

from components.contract.onnx_session import OnnxSession
from components.train_lstm.graph import LstmWeights, write_graph
from components.train_lstm.network import LstmNetwork
from components.train_lstm.network_tensorflow import LstmKerasNetwork

SHAPE = {"vocabulary": 500, "classes": 3, "embedding": 24, "hidden": 16, "dropout": 0.5}
TOLERANCE = 1e-5
LENGTHS = [(1,), (9,), (7, 1, 30, 3), (2, 2)]


@pytest.fixture(scope="module")
def of_torch() -> LstmNetwork:
    torch.manual_seed(3)
    network = LstmNetwork(**SHAPE).eval()
    torch.nn.init.normal_(network.embedding.weight)  # signals large enough to tell mistakes apart
    return network


@pytest.fixture(scope="module")
def of_keras() -> LstmKerasNetwork:
    network = LstmKerasNetwork(**SHAPE, seed=4)
    network.start_from(np.random.default_rng(4).standard_normal((500, 24), np.float32))
    return network


def rectangle(*lengths: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    ids = np.random.default_rng(sum(lengths)).integers(1, 500, (len(lengths), max(lengths)))
    for row, length in enumerate(lengths):
        ids[row, length:] = 0
    return ids, np.array(lengths)


def in_keras(weights: LstmWeights) -> LstmKerasNetwork:
    """A Keras network with those weights, by Keras' own order of them."""
    network = LstmKerasNetwork(**SHAPE, seed=0)
    layers: list[npt.NDArray[np.float32]] = [weights.embedding]
    for one_way in (weights.forwards, weights.backwards):
        layers += [one_way.kernel.T, one_way.recurrent.T, one_way.bias + one_way.recurrent_bias]
    network.set_weights([*layers, weights.head.T, weights.bias])
    return network


def in_torch(weights: LstmWeights) -> LstmNetwork:
    network = LstmNetwork(**SHAPE).eval()
    state = {"embedding.weight": weights.embedding}
    for name, way in (("forwards", weights.forwards), ("backwards", weights.backwards)):
        arrays = (way.kernel, way.recurrent, way.bias, way.recurrent_bias)
        kinds = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        state |= {f"{name}.{kind}": a for kind, a in zip(kinds, arrays, strict=True)}
    state |= {"head.weight": weights.head, "head.bias": weights.bias}
    network.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    return network


def by_torch(network: LstmNetwork, ids: npt.ArrayLike, lengths: npt.ArrayLike) -> list[object]:
    inputs = torch.tensor(ids), torch.tensor(lengths)
    with torch.inference_mode():
        return [network(*inputs).numpy(), network.features(*inputs).numpy()]


def by_keras(network: LstmKerasNetwork, *inputs: npt.NDArray[np.int64]) -> list[object]:
    return [network(*inputs).numpy(), network.features(*inputs).numpy()]


@pytest.mark.parametrize("lengths", LENGTHS)
def test_weights_of_torch_score_the_same_in_keras(
    of_torch: LstmNetwork, lengths: tuple[int, ...]
) -> None:
    inputs = rectangle(*lengths)
    moved = in_keras(of_torch.weights())
    for own, theirs in zip(by_keras(moved, *inputs), by_torch(of_torch, *inputs), strict=True):
        np.testing.assert_allclose(own, theirs, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("lengths", LENGTHS)
def test_weights_of_keras_score_the_same_in_the_graph_and_in_torch(
    of_keras: LstmKerasNetwork, tmp_path: Path, lengths: tuple[int, ...]
) -> None:
    ids, real = rectangle(*lengths)
    weights = of_keras.arrays()
    write_graph(weights, tmp_path / "model.onnx")
    served = OnnxSession(tmp_path / "model.onnx").run({"ids": ids, "lengths": real})
    own = by_keras(of_keras, ids, real)
    for theirs in (served, by_torch(in_torch(weights), ids, real)):
        for left, right in zip(own, theirs, strict=True):
            np.testing.assert_allclose(left, right, atol=TOLERANCE, rtol=0)


def test_a_row_does_not_see_the_other_rows(of_keras: LstmKerasNetwork) -> None:
    ids, lengths = rectangle(5, 40)
    together = of_keras(ids, lengths)[0]
    alone = of_keras(ids[:1, :5], lengths[:1])[0]
    np.testing.assert_allclose(together, alone, atol=1e-6, rtol=0)


def test_the_seed_decides_the_first_weights_and_they_spread_as_torchs() -> None:
    wide = {"vocabulary": 2_000, "classes": 8, "embedding": 64, "hidden": 64, "dropout": 0.0}
    networks = [LstmKerasNetwork(**wide, seed=seed).arrays() for seed in (1, 1, 2)]
    np.testing.assert_array_equal(networks[0].embedding, networks[1].embedding)
    np.testing.assert_array_equal(networks[0].backwards.kernel, networks[1].backwards.kernel)
    assert not np.array_equal(networks[0].head, networks[2].head)
    assert not np.array_equal(networks[0].forwards.kernel, networks[0].backwards.kernel)
    torch.manual_seed(1)
    theirs = LstmNetwork(**wide).weights()
    for own, other in [
        (networks[0].embedding, theirs.embedding),
        (networks[0].forwards.kernel, theirs.forwards.kernel),
        (networks[0].backwards.recurrent, theirs.backwards.recurrent),
        (networks[0].head, theirs.head),
    ]:
        assert own.shape == other.shape
        assert own.std() == pytest.approx(other.std(), rel=0.05)


def test_dropout_is_one_mask_a_row_and_follows_its_seed(of_keras: LstmKerasNetwork) -> None:
    inputs = rectangle(4, 4)

    def drawn(seed: int) -> npt.NDArray[np.float32]:
        of_keras.noise.state.assign(np.array([seed, 0], np.uint32))
        scored: npt.NDArray[np.float32] = of_keras(*inputs, training=True).numpy()
        return scored

    np.testing.assert_array_equal(drawn(1), drawn(1))
    assert not np.array_equal(drawn(1), drawn(2))
    assert keras.backend.backend() == "tensorflow"
