from __future__ import annotations

import asyncio
import threading
import time

import numpy as np
import pytest

from components.contract.calibration import softmax
from components.contract.normalise import normalise
from serving.predictor.engine import Engine
from serving.predictor.errors import RequestError
from serving.predictor.limits import INLINE_CHARACTERS
from serving.predictor.metrics import PredictorMetrics
from serving.predictor.served import Served
from tests.conftest import reviews
from tests.serving.predictor.parts import (
    MAX_TOKENS,
    onnx_bundle,
    open_part,
    poisonous_word,
    small_tokenizer,
    watched,
    with_engine,
)


def soon(seconds: float = 60.0) -> float:
    return time.monotonic() + seconds


@pytest.fixture(params=["graph", "logistic"])
def served(request: pytest.FixtureRequest) -> Served:
    """Either kind of model: scored by threads, and by the event loop."""
    found: Served = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Sentences, long reviews that are cut, nothing at all, and what is cleaned away."""
    some = [text for text, _ in reviews(each=120)]
    odd = ["", " ", "<br/>", "\x00", "word " * 900, "\U0001f600" * 30, "A &amp; B", "中文" * 20]
    return some + odd


def expected(served: Served, text: str) -> np.ndarray:
    """One text's probabilities by the contract's own route, alone."""
    encoding = served.classifier.tokenizer.encode([normalise(text)])
    scores = served.classifier.score(encoding)
    return softmax(scores.logits, served.classifier.temperature)[0]


def test_hundreds_of_concurrent_requests_get_what_each_would_get_alone(served, texts):
    random = np.random.default_rng(5)
    requests = [
        [texts[i] for i in random.integers(0, len(texts), random.integers(1, 12))]
        for _ in range(300)
    ]

    async def use(engine: Engine):
        return await asyncio.gather(*(engine.score(asked, True, soon()) for asked in requests))

    answers = with_engine(served, use, queue_texts=10_000)
    alone = {text: expected(served, text) for text in texts}
    for asked, answer in zip(requests, answers, strict=True):
        assert answer.served is served
        np.testing.assert_allclose(
            answer.probabilities, [alone[text] for text in asked], rtol=0, atol=1e-5
        )
        np.testing.assert_allclose(answer.probabilities.sum(axis=1), 1, atol=1e-5)


def test_features_and_lengths_come_from_the_same_pass(served, texts):
    answer = with_engine(served, lambda engine: engine.score(texts, True, soon()))
    tokenizer, limit = served.classifier.tokenizer, served.classifier.max_tokens
    for i in (0, 7, len(texts) - 4, len(texts) - 1):
        encoding = tokenizer.encode([normalise(texts[i])])
        scores = served.classifier.score(encoding)
        np.testing.assert_allclose(answer.features[i], scores.features[0], atol=1e-5)
        assert answer.tokens[i] == encoding.lengths[0]
        assert answer.truncated[i] == (limit is not None and encoding.lengths[0] > limit)


def test_each_text_is_tokenised_once_and_scored_once(served, texts):
    model = watched(served)

    async def use(engine: Engine):
        asked = [engine.score([text, text[:9]], True, soon()) for text in texts]
        await asyncio.gather(*asked, engine.score(texts, True, soon()))

    with_engine(model, use, queue_texts=10_000)
    watcher = model.classifier
    assert len(watcher.tokenised) == 3 * len(texts)
    assert sum(map(len, watcher.scored)) == 3 * len(texts)


def test_one_poisonous_text_fails_alone(tmp_path):
    word = poisonous_word(small_tokenizer())
    served = open_part(onnx_bundle(tmp_path / "bundle", known=-1), rows=64, padding=999)

    async def use(engine: Engine):
        fine = [engine.score(["a good film"] * 3, True, soon()) for _ in range(40)]
        poisoned = engine.score(["good", f"a {word} film", "bad"], True, soon())
        return await asyncio.gather(*fine, poisoned, return_exceptions=True)

    *answers, failure = with_engine(served, use)
    assert isinstance(failure, RequestError)
    assert (failure.status, failure.code, failure.texts) == (500, "scoring_failed", (1,))
    alone = expected(served, "a good film")
    for answer in answers:
        np.testing.assert_allclose(answer.probabilities, [alone] * 3, atol=1e-6)


def test_scores_that_are_no_numbers_are_no_answer(tmp_path):
    tokenizer = small_tokenizer()
    hollow = int(tokenizer.encode(["superb"]).ids[-1])
    served = open_part(onnx_bundle(tmp_path / "bundle", hollow=[hollow]), padding=999)

    async def use(engine: Engine):
        asked = (["superb"], ["bad film"], ["bad", "superb"])
        return await asyncio.gather(
            *(engine.score(texts, True, soon()) for texts in asked), return_exceptions=True
        )

    first, second, third = with_engine(served, use)
    assert (first.code, first.texts) == ("scoring_failed", (0,))
    assert np.isfinite(second.probabilities).all()
    assert (third.code, third.texts) == ("scoring_failed", (1,))


def test_a_text_that_would_be_cut_is_refused_when_asked(graph):
    long = "film " * (MAX_TOKENS + 1)

    async def use(engine: Engine):
        await engine.score(["film " * MAX_TOKENS], False, soon())
        with pytest.raises(RequestError) as caught:
            await engine.score(["film", long, long], False, soon())
        answer = await engine.score(["film", long], True, soon())
        return caught.value, answer, engine._queue.waiting

    refused, answer, waiting = with_engine(graph, use)
    assert (refused.status, refused.code, refused.texts) == (400, "text_too_long", (1,))
    assert f"Text 1 has {MAX_TOKENS + 1} tokens" in refused.message
    assert answer.truncated.tolist() == [False, True]
    assert waiting == 0


def test_an_overfull_queue_refuses_at_once_and_recovers(graph):
    gate = threading.Event()
    model = watched(graph, lambda _: gate.wait(30) and None)

    async def use(engine: Engine):
        bulk = [asyncio.create_task(engine.score(["film"] * 1000, True, soon())) for _ in range(2)]
        await asyncio.sleep(0.05)
        with pytest.raises(RequestError) as caught:
            await engine.score(["film"] * 100, True, soon())
        gate.set()
        await asyncio.gather(*bulk)
        after = await engine.score(["film"], True, soon())
        return caught.value, after

    refused, after = with_engine(model, use, queue_texts=2048)
    assert (refused.status, refused.code) == (503, "overloaded")
    assert len(after.tokens) == 1


def test_what_is_late_is_told_so_and_not_scored(graph):
    gate = threading.Event()
    model = watched(graph, lambda _: gate.wait(30) and None)

    async def use(engine: Engine):
        held = [asyncio.create_task(engine.score(["film"], True, soon())) for _ in range(2)]
        await asyncio.sleep(0.05)  # both threads are busy now
        with pytest.raises(RequestError) as caught:
            await engine.score(["late"] * 5, True, soon(0.05))
        waiting = engine._queue.waiting
        gate.set()
        await asyncio.gather(*held)
        return caught.value, waiting

    refused, waiting = with_engine(model, use)
    assert (refused.status, refused.code) == (504, "deadline_exceeded")
    assert waiting == 0
    assert sum(map(len, model.classifier.scored)) == 2


def test_a_client_that_goes_frees_its_places(graph):
    gate = threading.Event()
    model = watched(graph, lambda _: gate.wait(30) and None)

    async def use(engine: Engine):
        held = [asyncio.create_task(engine.score(["film"], True, soon())) for _ in range(2)]
        gone = asyncio.create_task(engine.score(["film"] * 9, True, soon()))
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.wait([gone])
        waiting = engine._queue.waiting
        gate.set()
        await asyncio.gather(*held)
        return waiting

    assert with_engine(model, use) == 0


def test_a_swap_lets_requests_under_way_end_with_the_old_model(graph, logistic):
    gate = threading.Event()
    old = watched(graph, lambda _: gate.wait(30) and None)

    async def use(engine: Engine):
        before = asyncio.create_task(engine.score(["film"] * 9, True, soon()))
        await asyncio.sleep(0.05)
        engine.swap(logistic)
        after = await engine.score(["film"], True, soon())
        gate.set()
        return await before, after

    before, after = with_engine(old, use)
    assert before.served is old
    assert after.served is logistic
    assert before.probabilities.shape == (9, 3)
    assert after.probabilities.shape == (1, 2)


def test_long_texts_are_tokenised_beside_the_event_loop(graph):
    names: list[str] = []

    class Tokenizer:
        def encode(self, texts):
            names.append(threading.current_thread().name)
            return graph.classifier.tokenizer.encode(texts)

    class Classifier:
        tokenizer = Tokenizer()

        def __getattr__(self, name):
            return getattr(graph.classifier, name)

    model = Served("1", "d", Classifier(), graph.limits)  # type: ignore[arg-type]

    async def use(engine: Engine):
        await engine.score(["f" * INLINE_CHARACTERS], True, soon())
        await engine.score(["f" * INLINE_CHARACTERS, "f"], True, soon())

    with_engine(model, use)
    assert names[0] == threading.current_thread().name
    assert names[1].startswith("tokenise")


def test_a_bulk_shares_its_time_with_small_requests(graph):
    """A small request that comes later is answered long before the bulk is."""
    model = watched(graph, lambda _: time.sleep(0.005))
    order: list[str] = []

    async def ask(engine: Engine, name: str, texts: list[str]) -> None:
        await engine.score(texts, True, soon())
        order.append(name)

    async def use(engine: Engine):
        bulk = asyncio.create_task(ask(engine, "bulk", ["good film"] * 1000))
        await asyncio.sleep(0.05)
        await ask(engine, "small", ["bad"])
        await bulk

    with_engine(model, use)
    assert order == ["small", "bulk"]


def test_phases_are_measured(served):
    metrics = PredictorMetrics()
    with_engine(served, lambda engine: engine.score(["film", "x" * 5000], True, soon()), metrics)
    value = metrics.registry.get_sample_value
    for phase, count in (("tokenise", 1), ("queue", 2)):
        assert value("tamis_predictor_phase_seconds_count", {"phase": phase}) == count
    assert value("tamis_predictor_phase_seconds_count", {"phase": "infer"}) in (1, 2)
    assert value("tamis_predictor_batch_rows_sum") == 2
    assert value("tamis_predictor_tokens_total") > 2
    assert value("tamis_predictor_queue_texts") == 0
