from __future__ import annotations

import json

import numpy as np
import pytest

from serving.predictor import v1
from serving.predictor.engine import Answer
from serving.predictor.errors import RequestError
from serving.predictor.request import ScoreRequest
from serving.predictor.served import Served
from tests.serving.predictor.bodies import predict


def test_texts_may_be_bare_or_in_an_object() -> None:
    request = v1.decode(predict(["a", {"text": "b"}, ""], truncate=False))
    assert request.texts == ["a", "b", ""]
    assert request.truncate is False
    assert v1.decode(predict(["a"])).truncate is True


def test_a_binary_header_is_refused() -> None:
    with pytest.raises(RequestError) as caught:
        v1.decode(predict(["a"]), "4")
    assert caught.value.code == "bad_header"


def test_predictions_name_labels_and_the_model(graph: Served) -> None:
    answer = Answer(
        graph,
        np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]], np.float32),
        np.zeros((2, 6), np.float32),
        np.array([3, 40]),
        np.array([False, True]),
    )
    content, length = v1.encode(answer, "tamis", ScoreRequest(["a", "b"]))
    assert length is None
    assert json.loads(content) == {
        "predictions": [
            {
                "label": "positive",
                "score": 0.7,
                "probabilities": {"negative": 0.1, "neutral": 0.2, "positive": 0.7},
                "truncated": False,
            },
            {
                "label": "negative",
                "score": 0.5,
                "probabilities": {"negative": 0.5, "neutral": 0.3, "positive": 0.2},
                "truncated": True,
            },
        ],
        "model_name": "tamis",
        "model_version": graph.version,
        "bundle_digest": graph.digest,
    }
