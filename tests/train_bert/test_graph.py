"""Our own graphs beside transformers' networks, of each family that `layers.py` knows."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel, XLMRobertaModel
from transformers import XLMRobertaConfig as XlmConfig

from components.contract.onnx_session import OnnxSession
from components.train_bert.graph import parts, write_graph
from components.train_bert.layers import EncoderWeights, read_weights
from components.train_bert.linear import Int8Linear
from components.train_bert.network import BertNetwork
from components.train_bert.quantise import quantise, watch

SIZES = {
    "vocab_size": 300,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "max_position_embeddings": 40,
}
FAMILIES = {
    "bert": (BertModel, BertConfig, {}),
    "roberta": (RobertaModel, RobertaConfig, {"pad_token_id": 1}),
    "xlm-roberta": (XLMRobertaModel, XlmConfig, {"pad_token_id": 1}),
}
LENGTHS = (1, 17, 3, 30, 30, 2)


def network_of(family: str, **changed: Any) -> BertNetwork:
    """An untrained network whose every weight differs from its neighbours, biases too."""
    kind, config, own = FAMILIES[family]
    torch.manual_seed(3)
    encoder = kind(config(**{**SIZES, **own, **changed}), add_pooling_layer=False)
    network = BertNetwork(encoder, 3, 0.0).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return network


def rectangle(lengths: tuple[int, ...], padding: int = 0) -> dict[str, npt.NDArray[np.int64]]:
    ids = np.random.default_rng(4).integers(5, 300, (len(lengths), max(lengths)))
    mask = np.arange(max(lengths)) < np.array(lengths)[:, None]
    return {
        "input_ids": np.where(mask, ids, padding).astype(np.int64),
        "attention_mask": mask.astype(np.int64),
    }


def expected(network: BertNetwork, inputs: dict[str, npt.NDArray[np.int64]]) -> Any:
    with torch.inference_mode():
        ids, mask = (torch.from_numpy(inputs[n]) for n in ("input_ids", "attention_mask"))
        return network(ids, mask.sum(dim=1)).numpy(), network.features(ids, mask).numpy()


def weights_of(network: BertNetwork) -> EncoderWeights:
    weights = read_weights(network)
    assert weights is not None
    return weights


@pytest.mark.parametrize("lengths", [LENGTHS, (1,), (30,), (5, 5)])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_graph_scores_as_the_network_does(
    family: str, lengths: tuple[int, ...], tmp_path: Path
) -> None:
    network = network_of(family)
    write_graph(weights_of(network), tmp_path / "model.onnx")
    inputs = rectangle(lengths, FAMILIES[family][2].get("pad_token_id", 0))
    scored = OnnxSession(tmp_path / "model.onnx").run(inputs)
    for found, wanted in zip(scored, expected(network, inputs), strict=True):
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, atol=2e-5)


@pytest.mark.parametrize("int8", [False, True])
def test_a_text_never_notices_its_company(int8: bool, tmp_path: Path) -> None:
    weights = weights_of(network_of("bert"))
    inputs = rectangle(LENGTHS)
    linears = quantise(weights, watch(weights, [inputs], tmp_path / "watched")) if int8 else None
    write_graph(weights, tmp_path / "model.onnx", linears)
    session = OnnxSession(tmp_path / "model.onnx")
    together, _ = session.run(inputs)
    for row, length in enumerate(LENGTHS):
        alone, _ = session.run({name: a[row : row + 1, :length] for name, a in inputs.items()})
        np.testing.assert_allclose(together[row], alone[0], atol=1e-5)
    assert not (tmp_path / "watched").exists()


def test_an_int8_graph_is_close_to_the_network(tmp_path: Path) -> None:
    network = network_of("bert")
    weights, inputs = weights_of(network), rectangle(LENGTHS * 8)
    linears = quantise(weights, watch(weights, [inputs], tmp_path / "watched"))
    assert set(linears) == {part for part, _ in parts(weights)}
    write_graph(weights, tmp_path / "model.onnx", linears)
    logits, features = OnnxSession(tmp_path / "model.onnx").run(inputs)
    wanted, pooled = expected(network, inputs)
    assert np.abs(logits - wanted).max() <= 0.02 * np.abs(wanted).max()
    assert np.abs(features - pooled).max() <= 0.05 * np.abs(pooled).max()
    assert np.abs(logits - wanted).max() > 1e-6  # it did round


def test_equal_weights_make_equal_bytes(tmp_path: Path) -> None:
    weights, inputs = weights_of(network_of("bert")), rectangle(LENGTHS)
    for name in ("a", "b"):
        linears = quantise(weights, watch(weights, [inputs], tmp_path / "watched"))
        write_graph(weights, tmp_path / name, linears)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("changed", [{"hidden_act": "relu"}, {"hidden_act": "gelu_new"}])
def test_other_encoders_have_no_such_graph(changed: dict[str, Any]) -> None:
    assert read_weights(network_of("bert", **changed)) is None


def test_what_a_layer_is_given_is_watched(tmp_path: Path) -> None:
    """The second route: torch's own inputs of the first layer's queries, padding left out."""
    network, inputs = network_of("bert"), rectangle(LENGTHS)
    seen = watch(weights_of(network), [inputs, inputs], tmp_path / "watched")
    given: list[torch.Tensor] = []
    query = network.encoder.encoder.layer[0].attention.self.query
    query.register_forward_hook(lambda _, args, __: given.append(args[0]))
    expected(network, inputs)
    x = given[0].detach().numpy()[inputs["attention_mask"] == 1]
    note = seen[(0, "qkv")]
    assert note.tokens == 2 * len(x) == 2 * sum(LENGTHS)
    np.testing.assert_allclose(note.gram, 2 * x.T @ x, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(note.largest, np.abs(x).max(axis=0), rtol=1e-5)


def test_an_int8_layer_is_the_product_of_what_it_holds(tmp_path: Path) -> None:
    """The second route: the integers multiplied back in float64."""
    weights, inputs = weights_of(network_of("bert")), rectangle(LENGTHS)
    linears = quantise(weights, watch(weights, [inputs], tmp_path / "watched"))
    for part, linear in parts(weights):
        layer = linears[part]
        assert isinstance(layer, Int8Linear)
        back = layer.weight.astype(np.float64) * layer.scales
        if layer.smoothing is not None:
            back /= layer.smoothing[:, None]
        error = np.abs(back - linear.weight).max() / np.abs(linear.weight).max()
        assert error <= 0.05, part
        assert layer.after_gelu is (part[1] == "output")
