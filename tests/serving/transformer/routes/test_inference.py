from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from components.contract.bundle import Bundle
from components.contract.classifier import Classifier

TEXTS = ["a wonderful film", "dull and far too long", "电影很好看"]
V1, V2 = "/v1/models/tamis:predict", "/v2/models/tamis/infer"


def tensor(texts: list[str], **changes: Any) -> dict[str, Any]:
    return {"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": texts, **changes}


class TestV1:
    @pytest.mark.parametrize(
        "instances",
        [TEXTS, [{"text": text} for text in TEXTS], TEXTS[:1], [TEXTS[0], {"text": TEXTS[1]}]],
    )
    def test_predictions_are_those_of_classify(
        self, client: httpx.Client, instances: list[Any]
    ) -> None:
        answer = client.post(V1, json={"instances": instances})
        assert answer.status_code == 200
        rows = answer.json()["predictions"]
        expected = client.post("/classify", json={"texts": TEXTS[: len(instances)]}).json()
        for row, same in zip(rows, expected, strict=True):
            assert row.pop("id") != same.pop("id")
            assert row == same

    def test_what_other_servers_know_is_ignored(self, client: httpx.Client) -> None:
        body = {"instances": ["fine"], "signature_name": "serving_default", "parameters": {}}
        assert client.post(V1, json=body).status_code == 200


class TestV2:
    def test_answers_are_tensors(
        self, client: httpx.Client, classifier: Classifier, bundle: Path
    ) -> None:
        answer = client.post(V2, json={"id": "mine", "inputs": [tensor(TEXTS)]})
        assert answer.status_code == 200
        document = answer.json()
        outputs = {output["name"]: output for output in document["outputs"]}
        expected = classifier.predict_proba(TEXTS)
        best = expected.argmax(axis=1)
        assert document["id"] == "mine"
        assert document["model_name"] == "tamis"
        assert document["model_version"]
        assert document["parameters"]["bundle_digest"] == Bundle.open(bundle).manifest.digest
        assert {name: (o["datatype"], o["shape"]) for name, o in outputs.items()} == {
            "label": ("BYTES", [3]),
            "score": ("FP32", [3]),
            "probabilities": ("FP32", [3, 2]),
            "labels": ("BYTES", [2]),
            "truncated": ("BOOL", [3]),
            "id": ("BYTES", [3]),
        }
        assert outputs["label"]["data"] == [classifier.labels[at] for at in best]
        assert outputs["labels"]["data"] == list(classifier.labels)
        np.testing.assert_allclose(
            outputs["probabilities"]["data"], expected.reshape(-1), atol=1e-5
        )
        np.testing.assert_allclose(outputs["score"]["data"], expected.max(axis=1), atol=1e-5)
        assert outputs["truncated"]["data"] == [False] * 3
        assert len(set(outputs["id"]["data"])) == 3

    @pytest.mark.parametrize(
        "body",
        [
            {"inputs": [tensor(TEXTS, shape=[3, 1])]},
            {"inputs": [tensor(TEXTS, name="args")]},
            {"inputs": [tensor(TEXTS, parameters=None)], "outputs": None},
            {"inputs": [tensor(TEXTS, parameters={"content_type": "str"})], "id": None},
            {"inputs": [tensor(TEXTS)], "parameters": None},
            {"inputs": [tensor(TEXTS)], "parameters": {}},
            {"inputs": [tensor(TEXTS)], "parameters": {"binary_data_output": True}},
            {"inputs": [tensor(TEXTS)], "outputs": [{"name": "label"}]},
            {"inputs": [tensor(TEXTS)], "model_name": "x", "model_version": "1"},
        ],
        ids=str,
    )
    def test_what_clients_write_is_taken(self, client: httpx.Client, body: object) -> None:
        answer = client.post(V2, json=body)
        assert answer.status_code == 200
        outputs = {output["name"]: output["data"] for output in answer.json()["outputs"]}
        assert len(outputs["label"]) == 3

    def test_without_an_id_of_its_own_an_answer_has_one(self, client: httpx.Client) -> None:
        document = client.post(V2, json={"inputs": [tensor(["fine"])]}).json()
        outputs = {output["name"]: output["data"] for output in document["outputs"]}
        assert document["id"] == outputs["id"][0]

    def test_metadata_name_the_tensors_of_an_answer(self, client: httpx.Client) -> None:
        metadata = client.get("/v2/models/tamis").json()
        document = client.post(V2, json={"inputs": [tensor(TEXTS)]}).json()
        assert metadata["name"] == "tamis"
        assert [(o["name"], o["datatype"], len(o["shape"])) for o in metadata["outputs"]] == [
            (o["name"], o["datatype"], len(o["shape"])) for o in document["outputs"]
        ]
        assert metadata["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]


class TestBinaryTensors:
    """The texts behind the JSON, as Triton's and KServe's clients send them."""

    @staticmethod
    def packed(texts: list[str]) -> bytes:
        return b"".join(struct.pack("<I", len(raw)) + raw for raw in map(str.encode, texts))

    def post(
        self,
        client: httpx.Client,
        tail: bytes,
        size: object = None,
        length: str | None = None,
        **changes: Any,
    ) -> httpx.Response:
        announced = {"binary_data_size": len(tail) if size is None else size}
        one = {"name": "text", "shape": [2], "datatype": "BYTES", "parameters": announced}
        head = json.dumps({"inputs": [{**one, **changes}]}).encode()
        headers = {
            "content-type": "application/octet-stream",
            "inference-header-content-length": str(len(head)) if length is None else length,
        }
        return client.post(V2, content=head + tail, headers=headers)

    def test_they_are_answered_as_if_they_were_json(self, client: httpx.Client) -> None:
        texts = ["a wonderful film", "电影很好看 \u0000 🎬"]
        answer = self.post(client, self.packed(texts))
        same = client.post(V2, json={"inputs": [tensor(texts)]}).json()
        assert answer.status_code == 200
        for output, other in zip(answer.json()["outputs"], same["outputs"], strict=True):
            if output["name"] != "id":
                assert output == other

    def test_nothing_behind_the_json_is_json(self, client: httpx.Client) -> None:
        head = json.dumps({"inputs": [tensor(TEXTS)]}).encode()
        headers = {
            "content-type": "application/octet-stream",
            "inference-header-content-length": str(len(head)),
        }
        assert client.post(V2, content=head, headers=headers).status_code == 200

    @pytest.mark.parametrize(
        ("case", "status", "field"),
        [
            ({"size": 3}, 422, "inputs[0].parameters.binary_data_size"),
            ({"size": "12"}, 422, "inputs[0].parameters.binary_data_size"),
            ({"size": True}, 422, "inputs[0].parameters.binary_data_size"),
            ({"size": -1}, 422, "inputs[0].parameters.binary_data_size"),
            ({"data": ["a", "b"]}, 422, "inputs[0].parameters.binary_data_size"),
            ({"parameters": None}, 422, "inputs[0].parameters.binary_data_size"),
            ({"parameters": {}}, 422, "inputs[0].parameters.binary_data_size"),
            ({"shape": [3]}, 422, "inputs[0].shape"),
            ({"datatype": "FP32"}, 422, "inputs[0].datatype"),
            ({"length": "x"}, 400, "inference-header-content-length"),
            ({"length": "-1"}, 400, "inference-header-content-length"),
            ({"length": "999999"}, 400, "inference-header-content-length"),
            ({"length": "9" * 30}, 400, "inference-header-content-length"),
            ({"length": ""}, 400, "inference-header-content-length"),
            ({"length": "3"}, 400, "body"),
            ({"length": "0"}, 400, "body"),
            ({"tail": b"\xff\xff\xff\xff"}, 422, "inputs[0].parameters.binary_data_size"),
            ({"tail": b"\x01\x00"}, 422, "inputs[0].parameters.binary_data_size"),
            (
                {"tail": b"\x01\x00\x00\x00\xff\x01\x00\x00\x00a"},
                422,
                "inputs[0].parameters.binary_data_size",
            ),
            ({"tail": b"\x00" * 4 * 2}, 422, "inputs[0].data[0]"),
            ({"tail": b"\x01\x00\x00\x00a" * 1_025}, 422, "inputs[0].data"),
        ],
        ids=lambda value: str(value)[:60],
    )
    def test_what_is_wrong_is_named(
        self, client: httpx.Client, case: dict[str, Any], status: int, field: str
    ) -> None:
        answer = self.post(client, **{"tail": self.packed(["a", "b"]), **case})
        assert (answer.status_code, answer.json()["error"]["field"]) == (status, field)

    def test_raw_bytes_without_the_header_are_refused(self, client: httpx.Client) -> None:
        answer = client.post(
            V2, content=b"{}", headers={"content-type": "application/octet-stream"}
        )
        assert answer.status_code == 415
        assert answer.json()["error"]["field"] == "content-type"


def test_another_model_is_unknown(client: httpx.Client) -> None:
    for answer in (
        client.post("/v1/models/other:predict", json={"instances": ["fine"]}),
        client.post("/v2/models/other/infer", json={"inputs": [tensor(["fine"])]}),
        client.get("/v2/models/other"),
    ):
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "unknown_model"
        assert answer.json()["error"]["field"] == "model"
