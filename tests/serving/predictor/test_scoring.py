from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from serving.predictor.scoring import Failed, Scored, score
from serving.predictor.ticket import Item, Ticket
from serving.predictor.tokens import tokenise
from tests.serving.predictor.parts import (
    onnx_bundle,
    open_part,
    poisonous_word,
    small_tokenizer,
    watched,
)


def items_of(served, texts) -> list[Item]:
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    loop.close()
    tokenised = tokenise(served.classifier, texts)
    items = Ticket(served, tokenised, 0.0, time.monotonic() + 60, future).items()
    return sorted(items, key=lambda item: item.row)


def test_a_sound_batch_is_one_pass(graph) -> None:
    model = watched(graph)
    pieces = list(score(model, items_of(model, ["good film", "bad", ""])))
    assert len(model.classifier.scored) == 1
    assert [type(piece) for piece in pieces] == [Scored]
    assert pieces[0].probabilities.shape == (3, 3)
    assert pieces[0].features.shape == (3, 6)
    assert pieces[0].sound.all()


@pytest.mark.parametrize("at", [[0], [7], [3, 4], [0, 1, 2, 3, 4, 5, 6, 7]])
def test_a_failing_batch_is_split_until_the_poison_stands_alone(tmp_path, at) -> None:
    word = poisonous_word(small_tokenizer())
    model = watched(open_part(onnx_bundle(tmp_path / "bundle", known=-1)))
    texts = [word if row in at else "good film" for row in range(8)]
    pieces = list(score(model, items_of(model, texts)))
    failed = [piece.item.row for piece in pieces if isinstance(piece, Failed)]
    sound = [item.row for piece in pieces if isinstance(piece, Scored) for item in piece.items]
    assert failed == at
    assert sorted(failed + sound) == list(range(8))
    assert len(model.classifier.scored) <= 15  # a binary tree of 8 leaves


def test_a_row_that_is_no_number_is_marked(tmp_path) -> None:
    hollow = int(small_tokenizer().encode(["superb"]).ids[-1])
    model = open_part(onnx_bundle(tmp_path / "bundle", hollow=[hollow]))
    (piece,) = score(model, items_of(model, ["superb", "good film"]))
    assert isinstance(piece, Scored)
    assert piece.sound.tolist() == [False, True]
    assert np.isfinite(piece.probabilities[1]).all()
