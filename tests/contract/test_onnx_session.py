import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from components.contract.errors import IntegrityError
from components.contract.onnx_session import Frame, OnnxSession
from components.tokenize.subword import BpeTokenizer
from components.train_lstm.model import LstmClassifier


@pytest.fixture(scope="module")
def tokenizer() -> BpeTokenizer:
    return BpeTokenizer.train(iter([["good film", "bad film"]]), 300, 2, lowercase=True)


def length_graph(file: Path, outputs: tuple[str, str] = ("logits", "features")) -> Path:
    """A graph whose two logits are a row's length."""
    nodes = [
        helper.make_node("Cast", ["lengths"], ["counts"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["counts", "axis"], ["column"]),
        helper.make_node("Concat", ["column", "column"], [outputs[0]], axis=1),
        helper.make_node("Identity", [outputs[0]], [outputs[1]]),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "lengths",
        [info("ids", TensorProto.INT64, ["b", "t"]), info("lengths", TensorProto.INT64, ["b"])],
        [info(name, TensorProto.FLOAT, ["b", 2]) for name in outputs],
        [onnx.numpy_helper.from_array(np.array([1], np.int64), "axis")],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opset), file)
    return file


def test_rows_come_back_in_their_order(tmp_path: Path, tokenizer: BpeTokenizer) -> None:
    file = length_graph(tmp_path / "model.onnx")
    classifier = LstmClassifier(file, tokenizer, ["a", "b"], max_tokens=6)
    texts = ["film " * n for n in np.random.default_rng(0).integers(0, 9, 200)]
    encoding = tokenizer.encode(texts)
    expected = np.clip(encoding.lengths, 1, 6)
    np.testing.assert_array_equal(classifier.logits(encoding)[:, 0], expected)


@pytest.mark.parametrize(
    ("outputs", "labels"), [(("logits", "other"), ["a", "b"]), (("logits", "features"), ["a"])]
)
def test_a_graph_that_does_not_fit_is_refused(
    tmp_path: Path, tokenizer: BpeTokenizer, outputs: tuple[str, str], labels: list[str]
) -> None:
    file = length_graph(tmp_path / "model.onnx", outputs)
    with pytest.raises(IntegrityError) as caught:
        LstmClassifier(file, tokenizer, labels, max_tokens=6)
    assert caught.value.code == "corrupted"


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x08\x08\x12\x00" * 50])
def test_an_unreadable_graph_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(IntegrityError):
        OnnxSession(tmp_path / "model.onnx")
    with pytest.raises(IntegrityError):
        OnnxSession(tmp_path / "absent.onnx")


@pytest.mark.parametrize(
    "changed",
    [
        {"labels": []},
        {"labels": 3},
        {"temperature": 0},
        {"temperature": float("nan")},
        {"max_tokens": 0},
        {"max_tokens": "many"},
        {"tokenizer_digest": "another"},
    ],
)
def test_an_impossible_classifier_file_is_refused(
    tmp_path: Path, tokenizer: BpeTokenizer, changed: dict[str, object]
) -> None:
    file = length_graph(tmp_path / "graph.onnx")
    LstmClassifier(file, tokenizer, ["a", "b"], max_tokens=6).save(tmp_path)
    assert LstmClassifier.load(tmp_path, tokenizer).labels == ("a", "b")
    document = json.loads((tmp_path / "classifier.json").read_text())
    (tmp_path / "classifier.json").write_text(json.dumps({**document, **changed}))
    with pytest.raises(IntegrityError) as caught:
        LstmClassifier.load(tmp_path, tokenizer)
    assert caught.value.code == "corrupted"


def test_a_frame_cuts_frames_and_pads() -> None:
    frame = Frame(4, padding=9, prefix=(1,), suffix=(2,))
    ids, lengths = frame.rectangle([np.array([5, 6, 7]), np.array([], np.int64)])
    assert ids.tolist() == [[1, 5, 7, 2], [1, 2, 9, 9]]
    assert lengths.tolist() == [4, 2]
