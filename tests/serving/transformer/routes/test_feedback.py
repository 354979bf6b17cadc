from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.serving.processes import Pair


def issued(client: httpx.Client, text: str = "a wonderful film") -> dict[str, str]:
    (row,) = client.post("/classify", json={"texts": [text]}).json()
    return row


def other(label: str) -> str:
    return {"negative": "positive", "positive": "negative"}[label]


@pytest.mark.parametrize("right", [True, False])
def test_feedback_says_whether_the_prediction_was_right(client: httpx.Client, right: bool) -> None:
    row = issued(client)
    label = row["label"] if right else other(row["label"])
    answer = client.post("/feedback", json={"id": row["id"], "label": label})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "id": row["id"],
        "label": label,
        "predicted": row["label"],
        "right": right,
    }


def test_ids_of_every_protocol_take_feedback(client: httpx.Client) -> None:
    v1 = client.post("/v1/models/tamis:predict", json={"instances": ["fine", "dull"]}).json()
    tensor = {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["fine", "dull"]}
    v2 = client.post("/v2/models/tamis/infer", json={"inputs": [tensor]}).json()
    outputs = {output["name"]: output["data"] for output in v2["outputs"]}
    for identity in [row["id"] for row in v1["predictions"]] + outputs["id"]:
        answer = client.post("/feedback", json={"id": identity, "label": "positive"})
        assert answer.status_code == 200


def refusal(answer: httpx.Response, status: int) -> dict[str, str]:
    assert answer.status_code == status
    error: dict[str, str] = answer.json()["error"]
    assert error["request_id"] == answer.headers["x-request-id"]
    return error


def test_the_first_counts(client: httpx.Client) -> None:
    row = issued(client)
    for label in ("positive", "positive", "negative"):
        answer = client.post("/feedback", json={"id": row["id"], "label": label})
    error = refusal(answer, 409)
    assert (error["code"], error["field"]) == ("feedback_given", "id")


def test_of_many_at_once_one_counts(pair: Pair) -> None:
    with pair.client() as client, ThreadPoolExecutor(16) as threads:
        row = issued(client)
        body = {"id": row["id"], "label": "positive"}
        asked = [threads.submit(client.post, "/feedback", json=body) for _ in range(32)]
        statuses = sorted(answer.result().status_code for answer in asked)
    assert statuses == [200] + [409] * 31


@pytest.mark.parametrize(
    "identity",
    ["A" * 22, "x", "-" * 64, "' OR 1=1 --", "\u0000", "../../etc/passwd", "电影", "A" * 21 + "\n"],
)
def test_an_id_that_was_never_issued_is_unknown(client: httpx.Client, identity: str) -> None:
    error = refusal(client.post("/feedback", json={"id": identity, "label": "positive"}), 404)
    assert (error["code"], error["field"]) == ("unknown_prediction", "id")


@pytest.mark.parametrize("label", ["Positive", "neutral", "1", " positive", "\u0000", "x" * 1_000])
def test_a_label_that_the_model_has_not_is_refused_with_those_it_has(
    client: httpx.Client, label: str
) -> None:
    row = issued(client)
    error = refusal(client.post("/feedback", json={"id": row["id"], "label": label}), 422)
    assert (error["code"], error["field"]) == ("unknown_label", "label")
    assert "negative, positive" in error["message"]
    # It was not used up.
    again = client.post("/feedback", json={"id": row["id"], "label": "positive"})
    assert again.status_code == 200


def test_a_refused_prediction_left_no_id(onnx_pair: Pair) -> None:
    """A text that may not be cut is refused before anything is recorded."""
    with onnx_pair.client() as client:
        counted = kept(onnx_pair)
        client.post("/classify", json={"texts": ["dull " * 200], "truncate": False})
        assert kept(onnx_pair) == counted
        client.post("/classify", json={"texts": ["dull"], "truncate": False})
        assert kept(onnx_pair) == counted + 1


def kept(pair: Pair) -> float:
    name = "tamis_journal_predictions_total "
    (line,) = [line for line in pair.metrics().splitlines() if line.startswith(name)]
    return float(line.split()[1])
