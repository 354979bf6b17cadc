"""Thousands of mixed concurrent requests: each answer is the one that it gets alone."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import numpy as np
import pytest

from components.contract.classifier import Classifier
from tests.conftest import reviews
from tests.serving.predictor.parts import poisonous_word, small_tokenizer
from tests.serving.processes import Pair

CONNECTIONS = 64
TOLERANCE = 1e-5
"""Of a probability between a text's answer in a crowd and alone."""

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Request:
    """A request and what must come of it.

    Attributes:
        path: Where it goes.
        body: Its JSON.
        texts: Places in the corpus of the texts that it asks about.
        status: The expected status.
        field: The field that a refusal must name.
        token: What it shows.
    """

    path: str
    body: Any
    texts: tuple[int, ...]
    status: int = 200
    field: str = ""
    token: str = "good"


def corpus(chance: random.Random) -> list[str]:
    """Texts of very different lengths, from one letter to thousands of words."""
    sentences = [text for text, _ in reviews(each=300)]
    texts = [*sentences, *(sentence[: chance.randint(1, 9)] for sentence in sentences[:100])]
    for size in (3, 10, 40, 150):
        texts += [" ".join(chance.sample(sentences, size)) for _ in range(20)]
    return [text for text in texts if text]


def requests(chance: random.Random, texts: Sequence[str], count: int, poison: str) -> list[Request]:
    """Most good, every twentieth wrong in its own way."""

    def some() -> tuple[int, ...]:
        return tuple(chance.choices(range(len(texts)), k=chance.randint(1, 8)))

    made: list[Request] = []
    while len(made) < count:
        chosen = some()
        own = [texts[i] for i in chosen]
        tensor = {"name": "text", "shape": [len(own)], "datatype": "BYTES", "data": own}
        if len(made) % 20 == 19:
            bad = wrong(own, tensor)
            if poison:
                bad += [Request("/classify", {"texts": [*own, poison]}, (), 502)] * 3
            made.append(chance.choice(bad))
        else:
            kind = chance.choice(("classify", "classify", "v1", "v2"))
            body = {
                "classify": ("/classify", {"texts": own}),
                "v1": ("/v1/models/tamis:predict", {"instances": own}),
                "v2": ("/v2/models/tamis/infer", {"inputs": [tensor]}),
            }[kind]
            made.append(Request(*body, chosen))
    return made


def wrong(own: list[str], tensor: dict[str, Any]) -> list[Request]:
    last = f"[{len(own)}]"
    return [
        Request("/classify", {"texts": [*own, ""]}, (), 422, f"texts{last}"),
        Request("/classify", {"texts": [*own, 1]}, (), 422, f"texts{last}"),
        Request("/classify", {"texts": [*own, "x" * 100_001]}, (), 422, f"texts{last}"),
        Request("/classify", {"text": own}, (), 422, "texts"),
        Request("/classify", {"texts": own}, (), 401, token="bad"),
        Request("/classify", {"texts": own}, (), 403, token="narrow"),
        Request("/v1/models/tamis:predict", {"instances": [*own, []]}, (), 422, f"instances{last}"),
        Request("/v1/models/other:predict", {"instances": own}, (), 404, "model"),
        Request(
            "/v2/models/tamis/infer",
            {"inputs": [{**tensor, "shape": [len(own) + 1]}]},
            (),
            422,
            "inputs[0].shape",
        ),
        Request("/nowhere", {"texts": own}, (), 404),
    ]


def answers(path: str, document: Any) -> list[tuple[str, dict[str, float], str]]:
    """Label, probabilities by label and id of each text, from an answer of any route."""
    if path.startswith("/v2"):
        outputs = {output["name"]: output["data"] for output in document["outputs"]}
        labels = outputs["labels"]
        rows = np.reshape(outputs["probabilities"], (-1, len(labels)))
        named = [dict(zip(labels, row, strict=True)) for row in rows.tolist()]
        return list(zip(outputs["label"], named, outputs["id"], strict=True))
    rows = document["predictions"] if path.startswith("/v1") else document
    return [(row["label"], row["probabilities"], row["id"]) for row in rows]


async def ask_all(pair: Pair, asked: Sequence[Request]) -> list[tuple[int, Any]]:
    tokens = {"good": pair.token("predict"), "bad": "a.b.c", "narrow": pair.token("feedback")}
    headers = {name: {"authorization": f"Bearer {token}"} for name, token in tokens.items()}
    found: list[tuple[int, Any]] = [(0, None)] * len(asked)
    places = iter(range(len(asked)))

    async def worker(session: aiohttp.ClientSession) -> None:
        for place in places:
            request = asked[place]
            async with session.post(
                pair.url + request.path, json=request.body, headers=headers[request.token]
            ) as answer:
                found[place] = answer.status, await answer.json()

    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(worker(session) for _ in range(CONNECTIONS)))
    return found


def check(
    pair: Pair, classifier: Classifier, count: int, chance: random.Random, poison: str = ""
) -> None:
    texts = corpus(chance)
    alone = classifier.predict_proba(texts)
    asked = requests(chance, texts, count, poison)
    found = asyncio.run(ask_all(pair, asked))
    told = Counter(status for status, _ in found)
    assert told == Counter(request.status for request in asked)
    ids: list[str] = []
    for request, (status, document) in zip(asked, found, strict=True):
        assert status == request.status, document
        if status != 200:
            assert document["error"].get("field", "") == request.field
            continue
        rows = answers(request.path, document)
        assert len(rows) == len(request.texts)
        for (label, probabilities, identity), place in zip(rows, request.texts, strict=True):
            assert label == classifier.labels[alone[place].argmax()]
            told_row = [probabilities[name] for name in classifier.labels]
            assert np.abs(told_row - alone[place]).max() <= TOLERANCE
            ids.append(identity)
    assert len(set(ids)) == len(ids)


def test_ten_thousand_of_a_numpy_model(pair: Pair, classifier: Classifier) -> None:
    check(pair, classifier, 10_000, random.Random(1))
    assert "request_failed" not in pair.transformer.text()


def test_two_thousand_of_an_onnx_model_some_of_them_poisonous(
    onnx_pair: Pair, onnx_classifier: Classifier
) -> None:
    """Poison passes every check and fails in the model, where others share its batch."""
    poison = poisonous_word(small_tokenizer())
    check(onnx_pair, onnx_classifier, 2_000, random.Random(2), poison)
    assert "request_failed" not in onnx_pair.transformer.text()
