from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from components.contract.onnx_session import OnnxSession
from components.train_lstm.graph import OPSET, write_graph
from components.train_lstm.network import LstmNetwork


@pytest.fixture(scope="module")
def network() -> LstmNetwork:
    torch.manual_seed(3)
    network = LstmNetwork(500, 3, embedding=24, hidden=16, dropout=0.5).eval()
    nn.init.normal_(network.embedding.weight)  # signals large enough to tell mistakes apart
    return network


def rectangle(*lengths: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(sum(lengths))
    ids = torch.randint(1, 500, (len(lengths), max(lengths)), generator=generator)
    for row, length in enumerate(lengths):
        ids[row, length:] = 0
    return ids, torch.tensor(lengths)


def test_reversal_equals_packed_sequences(network: LstmNetwork) -> None:
    """The second route: torch's own bidirectional LSTM on packed rows."""
    own = nn.LSTM(24, 16, batch_first=True, bidirectional=True)
    for suffix, one_way in (("", network.forwards), ("_reverse", network.backwards)):
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            getattr(own, name + suffix).data = getattr(one_way, name).data
    ids, lengths = rectangle(7, 1, 12, 3)
    vectors = network.embedding(ids)
    packed = nn.utils.rnn.pack_padded_sequence(
        vectors, lengths, batch_first=True, enforce_sorted=False
    )
    states, _ = nn.utils.rnn.pad_packed_sequence(own(packed)[0], batch_first=True)
    features = network.features(ids, lengths)
    for row, length in enumerate(lengths.tolist()):
        joined = torch.cat([vectors[row, :length], states[row, :length]], dim=1)
        expected = torch.cat([joined.amax(0), joined.mean(0)])
        torch.testing.assert_close(features[row], expected, atol=1e-6, rtol=0)


def test_a_row_does_not_see_the_other_rows(network: LstmNetwork) -> None:
    ids, lengths = rectangle(5, 40)
    together = network(ids, lengths)[0]
    alone = network(ids[:1, :5], lengths[:1])[0]
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize("lengths", [(1,), (9,), (7, 1, 30, 3), (2, 2)])
def test_the_graph_scores_as_torch_does(
    network: LstmNetwork, tmp_path: Path, lengths: tuple[int, ...]
) -> None:
    write_graph(network.weights(), tmp_path / "model.onnx")
    ids, real = rectangle(*lengths)
    with torch.inference_mode():
        expected = network(ids, real).numpy()
        features = network.features(ids, real).numpy()
    session = OnnxSession(tmp_path / "model.onnx")
    logits, pooled = session.run({"ids": ids.numpy(), "lengths": real.numpy()})
    assert np.abs(logits - expected).max() <= 1e-5
    assert np.abs(pooled - features).max() <= 1e-5
    assert session.width("features") == pooled.shape[1] == 2 * (24 + 2 * 16)


def test_the_graph_is_the_same_bytes_and_a_valid_model(
    network: LstmNetwork, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        write_graph(network.weights(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    model = onnx.load(tmp_path / "a")
    onnx.checker.check_model(model, full_check=True)
    assert model.opset_import[0].version == OPSET
    assert model.producer_name == "tamis"


def test_dropout_is_one_mask_a_row(network: LstmNetwork) -> None:
    ids, lengths = rectangle(4, 4)
    network.train()
    try:
        torch.manual_seed(0)
        first = network(ids, lengths)
        second = network(ids, lengths)
    finally:
        network.eval()
    assert not torch.equal(first, second)
    assert torch.equal(network(ids, lengths), network(ids, lengths))
