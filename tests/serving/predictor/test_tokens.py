from __future__ import annotations

import numpy as np
import pytest

from components.contract.encoding import head_tail
from components.contract.normalise import normalise
from serving.predictor import tokens
from serving.predictor.served import Served
from serving.predictor.tokens import tokenise
from tests.serving.predictor.parts import MAX_TOKENS

TEXTS = ["a good film", "", "film " * 40, "<b>dull</b> plot", "x" * 300]


@pytest.mark.parametrize("chunk", [1, 20, 10**6])
def test_texts_are_cleaned_and_cut_to_what_the_model_sees(
    graph: Served, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(tokens, "CHUNK_CHARACTERS", chunk)
    found = tokenise(graph.classifier, TEXTS)
    assert len(found.rows) == len(TEXTS)
    for i, text in enumerate(TEXTS):
        whole = graph.classifier.tokenizer.encode([normalise(text)]).ids
        assert found.tokens[i] == len(whole)
        assert found.truncated[i] == (len(whole) > MAX_TOKENS)
        assert np.array_equal(found.rows[i], head_tail(whole, MAX_TOKENS))


def test_a_model_that_sees_every_text_whole_cuts_none(logistic: Served) -> None:
    found = tokenise(logistic.classifier, TEXTS)
    assert not found.truncated.any()
    assert [len(row) for row in found.rows] == found.tokens.tolist()
