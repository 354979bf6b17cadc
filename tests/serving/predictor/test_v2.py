from __future__ import annotations

import json

import numpy as np
import pytest

from serving.predictor import binary, v2
from serving.predictor.engine import Answer
from serving.predictor.errors import RequestError
from serving.predictor.limits import TEXTS
from serving.predictor.served import Served
from tests.serving.predictor.bodies import infer, tensor


@pytest.fixture
def answer(graph: Served) -> Answer:
    return Answer(
        graph,
        np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]], np.float32),
        np.array([[1.5, -2.5], [0.0, 3.0]], np.float32),
        np.array([3, 40]),
        np.array([False, True]),
    )


def by_name(document):
    return {output["name"]: output for output in document["outputs"]}


def test_what_is_left_out_takes_its_default() -> None:
    request = v2.decode(infer(), None)
    assert request.texts == ["a", "b"]
    assert request.truncate is True
    assert request.id == ""
    assert list(request.outputs) == [name for name in v2.OUTPUTS if name != "features"]
    assert not any(request.outputs.values())


def test_what_clients_add_is_accepted() -> None:
    body = infer(
        id="42",
        model_name="tamis",
        parameters={"truncate": False, "features": True, "content_type": "str"},
        inputs=[tensor(shape=[2, 1], parameters={"content_type": "str"})],
        outputs=[],
    )
    request = v2.decode(body, None)
    assert (request.id, request.truncate) == ("42", False)
    assert "features" in request.outputs
    assert v2.decode(infer(id="", parameters=None, outputs=None), None).texts == ["a", "b"]


def test_odd_texts_are_texts() -> None:
    odd = ["", "\x00", "\U0001f600", "\ufeff", "line\nline", "\\", '"', "\u2028"]
    request = v2.decode(infer(inputs=[tensor(shape=[len(odd)], data=odd)]), None)
    assert request.texts == odd


def test_an_answer_names_labels_model_and_bundle(answer: Answer) -> None:
    request = v2.decode(infer(id="7"), None)
    content, length = v2.encode(answer, "tamis", request)
    document = json.loads(content)
    assert length is None
    assert document["id"] == "7"
    assert document["model_name"] == "tamis"
    assert document["model_version"] == answer.served.version
    assert document["parameters"] == {
        "bundle_digest": answer.served.digest,
        "architecture": "lstm",
    }
    outputs = by_name(document)
    assert {name: output["data"] for name, output in outputs.items()} == {
        "label": ["positive", "negative"],
        "score": [0.7, 0.5],
        "probabilities": [0.1, 0.2, 0.7, 0.5, 0.3, 0.2],
        "labels": ["negative", "neutral", "positive"],
        "tokens": [3, 40],
        "truncated": [False, True],
    }
    assert {name: output["shape"] for name, output in outputs.items()} == {
        "label": [2],
        "score": [2],
        "probabilities": [2, 3],
        "labels": [3],
        "tokens": [2],
        "truncated": [2],
    }
    assert {name: output["datatype"] for name, output in outputs.items()} == {
        name: datatype for name, datatype in v2.OUTPUTS.items() if name != "features"
    }


def test_only_the_outputs_that_were_asked_for_are_given(answer: Answer) -> None:
    request = v2.decode(infer(outputs=[{"name": "features"}, {"name": "label"}]), None)
    document = json.loads(v2.encode(answer, "tamis", request)[0])
    assert [output["name"] for output in document["outputs"]] == ["features", "label"]
    assert document["outputs"][0]["data"] == [1.5, -2.5, 0.0, 3.0]
    assert "id" not in document


def test_float32_is_written_so_that_it_reads_back_the_same(answer: Answer) -> None:
    document = json.loads(v2.encode(answer, "tamis", v2.decode(infer(), None))[0])
    read = np.array(by_name(document)["probabilities"]["data"], np.float32)
    assert np.array_equal(read, answer.probabilities.reshape(-1))


def test_raw_tensors_follow_the_json(answer: Answer) -> None:
    request = v2.decode(infer(parameters={"binary_data_output": True, "features": True}), None)
    content, length = v2.encode(answer, "tamis", request)
    assert length is not None
    head, tail = binary.split(content, str(length))
    read: dict[str, bytes] = {}
    for output in json.loads(head)["outputs"]:
        size = output["parameters"]["binary_data_size"]
        assert "data" not in output
        read[output["name"]], tail = tail[:size], tail[size:]
    assert tail == b""
    assert np.array_equal(np.frombuffer(read["features"], "<f4"), answer.features.reshape(-1))
    assert np.array_equal(np.frombuffer(read["tokens"], "<i8"), answer.tokens)
    assert np.array_equal(np.frombuffer(read["truncated"], bool), answer.truncated)
    assert binary.texts(read["label"], "label") == ["positive", "negative"]


def raw(tail: bytes, shape: list[int] | None = None, size: int | None = None) -> tuple[bytes, str]:
    described = tensor(
        data=...,
        shape=shape or [2],
        parameters={"binary_data_size": len(tail) if size is None else size},
    )
    head = infer(inputs=[described])
    return head + tail, str(len(head))


def test_raw_texts_are_read() -> None:
    body, header = raw(binary.pack(["good \U0001f600", ""]))
    assert v2.decode(body, header).texts == ["good \U0001f600", ""]


@pytest.mark.parametrize(
    ("tail", "code"),
    [
        (b"\x01", "bad_tensor"),
        (b"\x05\x00\x00\x00ab", "bad_tensor"),
        (b"\xff\xff\xff\xffab", "bad_tensor"),
        (b"\x02\x00\x00\x00\xff\xfe" + b"\x00" * 4, "bad_tensor"),
        (b"\x03\x00\x00\x00\xed\xa0\x80" + b"\x00" * 4, "bad_tensor"),  # a lone surrogate
        (b"", "no_texts"),
        (binary.pack(["a"]), "bad_shape"),
        (binary.pack(["a"] * 3), "bad_shape"),
        (b"\x00" * 4 * (TEXTS + 2), "too_many_texts"),
    ],
)
def test_bad_raw_texts_are_refused(tail: bytes, code: str) -> None:
    body, header = raw(tail)
    with pytest.raises(RequestError) as caught:
        v2.decode(body, header)
    assert (caught.value.status, caught.value.code) == (400, code)


@pytest.mark.parametrize(
    "header", ["", "-1", "x", "1.0", "999999", "9" * 300, "\u0661\u0662", " 4", "+4"]
)
def test_a_header_that_is_no_length_is_refused(header: str) -> None:
    body, _ = raw(binary.pack(["a", "b"]))
    with pytest.raises(RequestError) as caught:
        v2.decode(body, header)
    assert caught.value.code == "bad_header"
    assert caught.value.field == binary.HEADER


def test_lengths_that_contradict_each_other_are_refused() -> None:
    tail = binary.pack(["a", "b"])
    body, header = raw(tail, size=len(tail) - 1)
    plain = infer()
    for bad, length in ((body, header), (plain + tail, str(len(plain)))):
        with pytest.raises(RequestError) as caught:
            v2.decode(bad, length)
        assert caught.value.code == "bad_tensor"
