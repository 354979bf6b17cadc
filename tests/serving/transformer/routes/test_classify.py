from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
import pytest

from components.contract.bundle import Bundle
from components.contract.classifier import Classifier
from tests.conftest import reviews
from tests.serving.processes import Pair

TEXTS = [text for text, _ in reviews(each=20)]


def test_each_text_gets_its_label_by_name(
    client: httpx.Client, classifier: Classifier, bundle: Path
) -> None:
    answer = client.post("/classify", json={"texts": TEXTS})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    rows = answer.json()
    expected = classifier.predict_proba(TEXTS)
    assert [row["label"] for row in rows] == [
        classifier.labels[best] for best in expected.argmax(axis=1)
    ]
    for row, probabilities in zip(rows, expected, strict=True):
        assert row.keys() == {
            "label",
            "score",
            "probabilities",
            "id",
            "truncated",
            "model",
            "version",
            "bundle_digest",
        }
        assert list(row["probabilities"]) == ["negative", "positive"]
        np.testing.assert_allclose(list(row["probabilities"].values()), probabilities, atol=1e-5)
        assert row["score"] == max(row["probabilities"].values())
        assert row["probabilities"][row["label"]] == row["score"]
        assert row["truncated"] is False
        assert row["model"] == "tamis"
        assert row["bundle_digest"] == Bundle.open(bundle).manifest.digest
        assert row["version"]
        assert row["bundle_digest"].startswith(row["version"])


def test_ids_are_never_given_twice(client: httpx.Client) -> None:
    ids = [
        row["id"]
        for _ in range(5)
        for row in client.post("/classify", json={"texts": ["the same"] * 50}).json()
    ]
    assert len(set(ids)) == 250
    assert all(len(identity) == 22 for identity in ids)


def test_the_largest_request_is_answered(client: httpx.Client) -> None:
    rows = client.post("/classify", json={"texts": ["fine"] * 1_024}).json()
    assert len(rows) == 1_024
    assert len({row["score"] for row in rows}) == 1


AWKWARD = [" ", "?", "电影很好看 🎬", "\u0000", "\u2028", "e\u0301" * 50, "x" * 100_000, "\ufeff"]


@pytest.mark.parametrize("text", AWKWARD, ids=[repr(text[:6]) for text in AWKWARD])
def test_any_text_is_a_text(client: httpx.Client, classifier: Classifier, text: str) -> None:
    (row,) = client.post("/classify", json={"texts": [text]}).json()
    np.testing.assert_allclose(
        list(row["probabilities"].values()), classifier.predict_proba([text])[0], atol=1e-5
    )


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="utf-8"',
        "application/json ;",
    ],
)
def test_json_is_known_by_its_media_type(client: httpx.Client, content_type: str) -> None:
    answer = client.post(
        "/classify", content=b'{"texts": ["fine"]}', headers={"content-type": content_type}
    )
    assert answer.status_code == 200


LONG = " ".join(["dull"] * 200)


class TestTruncation:
    """A model that sees 16 tokens."""

    def test_by_default_a_long_text_is_cut_and_the_answer_says_so(
        self, onnx_pair: Pair, onnx_classifier: Classifier
    ) -> None:
        texts = ["short", LONG, "good film"]
        with onnx_pair.client() as client:
            for body in ({"texts": texts}, {"texts": texts, "truncate": True}):
                rows = client.post("/classify", json=body).json()
                assert [row["truncated"] for row in rows] == [False, True, False]
                np.testing.assert_allclose(
                    [list(row["probabilities"].values()) for row in rows],
                    onnx_classifier.predict_proba(texts),
                    atol=1e-5,
                )

    def test_when_it_may_not_be_cut_it_is_refused_by_its_place(self, onnx_pair: Pair) -> None:
        body = {"texts": ["short", LONG], "truncate": False}
        with onnx_pair.client() as client:
            answer = client.post("/classify", json=body)
            assert answer.status_code == 422
            error = answer.json()["error"]
            assert error["code"] == "too_long"
            assert error["field"] == "texts[1]"
            tokens = int(error["message"].split("has ")[1].split()[0])
            assert tokens >= 200  # as many as there are words, and the model's own
            short = client.post("/classify", json={"texts": ["short"], "truncate": False})
            assert [row["truncated"] for row in short.json()] == [False]

    @pytest.mark.parametrize(
        ("path", "body", "field"),
        [
            (
                "/v1/models/tamis:predict",
                {"instances": ["short", LONG], "truncate": False},
                "instances[1]",
            ),
            (
                "/v2/models/tamis/infer",
                {
                    "inputs": [
                        {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["short", LONG]}
                    ],
                    "parameters": {"truncate": False},
                },
                "inputs[0].data[1]",
            ),
        ],
    )
    def test_the_refusal_names_the_field_of_its_protocol(
        self, onnx_pair: Pair, path: str, body: object, field: str
    ) -> None:
        with onnx_pair.client() as client:
            answer = client.post(path, json=body)
        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "too_long"
        assert answer.json()["error"]["field"] == field

    def test_v2_and_v1_cut_and_say_so(self, onnx_pair: Pair) -> None:
        tensor = {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["short", LONG]}
        with onnx_pair.client() as client:
            v2 = client.post("/v2/models/tamis/infer", json={"inputs": [tensor]}).json()
            v1 = client.post("/v1/models/tamis:predict", json={"instances": ["short", LONG]}).json()
        outputs = {output["name"]: output["data"] for output in v2["outputs"]}
        assert outputs["truncated"] == [False, True]
        assert [row["truncated"] for row in v1["predictions"]] == [False, True]
