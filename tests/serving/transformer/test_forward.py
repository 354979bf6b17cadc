"""The hop, against a server that plays a predictor, well and badly."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import numpy as np
import orjson
import pytest
from aiohttp import web

from components.contract.errors import TamisError
from serving.local import free_port
from serving.transformer import forward, limits
from serving.transformer.forward import Forwarder
from serving.transformer.problems import RefusalError
from serving.transformer.scored import Scored, read_answer
from tests.serving.transformer.auth.loopback import Loopback, loopback

INFER, READY = "/v2/models/tamis/infer", "/v2/models/tamis/ready"


class Predictor:
    """Answers `0.25` with that probability of `yes`; keeps what each call asked."""

    def __init__(self, server: Loopback) -> None:
        self.server, self.url = server, server.url
        self.calls: list[list[str]] = []
        self.spoil: Callable[[dict[str, Any]], object] = lambda document: None
        self.gate: asyncio.Event | None = None
        self.poison = ""
        server.documents[INFER] = self.answer

    async def answer(self, request: web.Request) -> web.Response:
        asked = await request.json()
        (tensor,) = asked["inputs"]
        assert tensor["shape"] == [len(tensor["data"])]
        assert asked["parameters"]["truncate"] is True
        self.calls.append(tensor["data"])
        if self.gate is not None:
            await self.gate.wait()
        if self.poison and self.poison in tensor["data"]:
            return web.json_response({"error": "scoring failed"}, status=500)
        document = sound_answer(tensor["data"], asked["parameters"]["features"])
        self.spoil(document)
        return web.Response(body=json.dumps(document).encode(), content_type="application/json")


def sound_answer(texts: Sequence[str], features: bool = False) -> dict[str, Any]:
    values = [float(text) for text in texts]
    outputs = {
        "label": ["yes" if value >= 0.5 else "no" for value in values],
        "probabilities": [part for value in values for part in (1 - value, value)],
        "labels": ["no", "yes"],
        "tokens": [len(text) for text in texts],
        "truncated": [len(text) > 6 for text in texts],
    }
    if features:
        outputs["features"] = [part for value in values for part in (value, 2 * value, 3 * value)]
    return {
        "model_name": "tamis",
        "model_version": "7",
        "parameters": {"bundle_digest": "d" * 64},
        "outputs": [{"name": name, "data": data} for name, data in outputs.items()],
    }


@contextlib.asynccontextmanager
async def setting(
    features: bool = False, deadline_s: float = 10.0
) -> AsyncIterator[tuple[Predictor, Forwarder]]:
    async with loopback() as server:
        predictor = Predictor(server)
        async with Forwarder(server.url, "tamis", features, deadline_s) as forwarder:
            yield predictor, forwarder


async def refusal(asked: Awaitable[Scored]) -> RefusalError:
    with pytest.raises(RefusalError) as caught:
        await asked
    return caught.value


def chances(scored: Scored) -> list[float]:
    """The probability of `yes`, as the texts said it."""
    return [round(float(value), 6) for value in scored.probabilities[:, 1]]


def test_scores_come_back_as_arrays_in_the_order_of_the_texts() -> None:
    async def scenario() -> None:
        async with setting(features=True) as (_, forwarder):
            scored = await forwarder.ask(["0.25", "0.9375", "0.5"])
        assert scored.labels == ("no", "yes")
        assert chances(scored) == [0.25, 0.9375, 0.5]
        assert scored.tokens.tolist() == [4, 6, 3]
        assert scored.truncated.tolist() == [False, False, False]
        assert scored.features is not None
        assert scored.features.tolist() == [
            [0.25, 0.5, 0.75],
            [0.9375, 1.875, 2.8125],
            [0.5, 1, 1.5],
        ]
        assert scored.model.name == "tamis"
        assert scored.model.version == "7"
        assert scored.model.bundle_digest == "d" * 64

    asyncio.run(scenario())


def test_concurrent_requests_share_calls_and_each_gets_its_own() -> None:
    async def scenario() -> None:
        async with setting() as (predictor, forwarder):
            texts = [[f"{i / 512:.6f}" for i in range(n, n + 1 + n % 3)] for n in range(200)]
            answers = await asyncio.gather(*(forwarder.ask(some) for some in texts))
        assert [chances(answer) for answer in answers] == [
            [round(float(text), 6) for text in some] for some in texts
        ]
        assert sum(map(len, predictor.calls)) == sum(map(len, texts))
        # Four leave at once by themselves; the others travel in full calls.
        assert len(predictor.calls) <= limits.HOPS + sum(map(len, texts)) / limits.HOP_TEXTS + 2
        assert max(map(len, predictor.calls)) <= limits.HOP_TEXTS

    asyncio.run(scenario())


def test_a_large_request_travels_by_itself() -> None:
    async def scenario() -> None:
        async with setting() as (predictor, forwarder):
            predictor.gate = asyncio.Event()
            first = [asyncio.create_task(forwarder.ask(["0.5"])) for _ in range(limits.HOPS)]
            await until(lambda: len(predictor.calls) == limits.HOPS)
            sizes = (10, limits.TEXTS, 20)
            later = [asyncio.create_task(forwarder.ask(["0.5"] * size)) for size in sizes]
            await asyncio.sleep(0)
            predictor.gate.set()
            await asyncio.gather(*first, *later)
        assert sorted(map(len, predictor.calls[limits.HOPS :])) == sorted(sizes)

    asyncio.run(scenario())


def test_a_lone_request_never_waits_for_others() -> None:
    async def scenario() -> None:
        async with setting() as (predictor, forwarder):
            for number in range(3):
                await forwarder.ask(["0.5"])
                assert len(predictor.calls) == number + 1

    asyncio.run(scenario())


def test_one_poisonous_request_fails_alone() -> None:
    async def scenario() -> None:
        async with setting() as (predictor, forwarder):
            predictor.poison = "0.666"
            predictor.gate = asyncio.Event()
            first = [asyncio.create_task(forwarder.ask(["0.5"])) for _ in range(limits.HOPS)]
            await until(lambda: len(predictor.calls) == limits.HOPS)
            texts = [[f"{i / 64:.6f}"] for i in range(30)]
            texts[17] = ["0.5", "0.666"]
            asked = [asyncio.create_task(forwarder.ask(some)) for some in texts]
            await asyncio.sleep(0)
            predictor.gate.set()
            await asyncio.gather(*first)
            answers = await asyncio.gather(*asked, return_exceptions=True)
        failed = [i for i, answer in enumerate(answers) if isinstance(answer, BaseException)]
        assert failed == [17]
        assert (answers[17].status, answers[17].code) == (502, "predictor_failed")
        for some, answer in zip(texts, answers, strict=True):
            if isinstance(answer, Scored):
                assert chances(answer) == [round(float(text), 6) for text in some]

    asyncio.run(scenario())


def _without(*path: Any) -> Callable[[dict[str, Any]], object]:
    def spoil(document: Any) -> None:
        for part in path[:-1]:
            document = document[part]
        del document[path[-1]]

    return spoil


def _output(name: str, data: Any) -> Callable[[dict[str, Any]], object]:
    def spoil(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            if output["name"] == name:
                output["data"] = data

    return spoil


NONSENSE = {
    "no outputs": _without("outputs"),
    "no labels": _without("outputs", 2),
    "no probabilities": _without("outputs", 1),
    "no tokens": _without("outputs", 3),
    "no truncated": _without("outputs", 4),
    "no digest": _without("parameters", "bundle_digest"),
    "no version": _without("model_version"),
    "an output without data": _without("outputs", 1, "data"),
    "an output without name": _without("outputs", 1, "name"),
    "too few probabilities": _output("probabilities", [0.5]),
    "too many probabilities": _output("probabilities", [0.5] * 6),
    "NaN": _output("probabilities", [float("nan"), 0.5, 0.5, 0.5]),
    "infinity": _output("probabilities", [float("inf"), 0.5, 0.5, 0.5]),
    "null": _output("probabilities", [None, 0.5, 0.5, 0.5]),
    "beyond float32": _output("probabilities", [1e300, 0.5, 0.5, 0.5]),
    "text": _output("probabilities", ["half", 0.5, 0.5, 0.5]),
    "rows of different lengths": _output("probabilities", [[0.5, 0.5], [1.0]]),
    "negative": _output("probabilities", [-0.5, 1.5, 0.5, 0.5]),
    "rows that don't sum to one": _output("probabilities", [0.9, 0.9, 0.5, 0.5]),
    "zeros": _output("probabilities", [0.0, 0.0, 0.0, 0.0]),
    "one label twice": _output("labels", ["yes", "yes"]),
    "no label at all": _output("labels", []),
    "labels that are a number": _output("labels", 2),
    "too many labels": _output("labels", ["a", "b", "c"]),
    "too few tokens": _output("tokens", [1]),
    "tokens beyond int64": _output("tokens", [2**63, 1]),
    "tokens that are text": _output("tokens", ["one", "two"]),
    "truncated as text": _output("truncated", ["false", "false"]),
    "truncated as numbers": _output("truncated", [0, 1]),
    "truncated of one": _output("truncated", [True]),
}


@pytest.mark.parametrize("spoil", NONSENSE.values(), ids=NONSENSE)
def test_an_answer_that_makes_no_sense_is_a_502(spoil: Callable[[dict[str, Any]], object]) -> None:
    async def scenario() -> None:
        async with setting() as (predictor, forwarder):
            predictor.spoil = spoil
            problem = await refusal(forwarder.ask(["0.25", "0.5"]))
            assert (problem.status, problem.code) == (502, "predictor_failed")
            predictor.spoil = lambda document: None
            assert chances(await forwarder.ask(["0.75"])) == [0.75]

    asyncio.run(scenario())


def _says(status: int, body: bytes = b"{}", **headers: str) -> Callable[..., Awaitable[Any]]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    return answer


async def _ends_at_once(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _ends_inside(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-length": "1000"})
    await response.prepare(request)
    await response.write(b'{"outputs"')
    assert request.transport is not None
    request.transport.abort()
    return response


async def _never_stops(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(b" " * 2**16)
    return response


async def _announces_much(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-length": str(10**12)})
    await response.prepare(request)
    return response


MISBEHAVIOUR = {
    "busy": (_says(503), 503, "overloaded"),
    "too many requests": (_says(429), 503, "overloaded"),
    "late": (_says(504), 504, "deadline_exceeded"),
    "failed": (_says(500), 502, "predictor_failed"),
    "failed with a page": (_says(500, b"<h1>Oops</h1>"), 502, "predictor_failed"),
    "refused": (_says(400, b'{"error": "no"}'), 502, "predictor_failed"),
    "refused by a list": (_says(400, b"[1]"), 502, "predictor_failed"),
    "not found": (_says(404), 502, "predictor_failed"),
    "redirected": (_says(307, location="http://127.0.0.1:1/"), 502, "predictor_failed"),
    "empty": (_says(200, b""), 502, "predictor_failed"),
    "garbage": (_says(200, b"\xff\x00garbage"), 502, "predictor_failed"),
    "a list": (_says(200, b"[]"), 502, "predictor_failed"),
    "null": (_says(200, b"null"), 502, "predictor_failed"),
    "deep": (_says(200, b"[" * 100_000), 502, "predictor_failed"),
    "disconnects": (_ends_at_once, 503, "predictor_unavailable"),
    "disconnects inside": (_ends_inside, 502, "predictor_failed"),
    "without end": (_never_stops, 502, "predictor_failed"),
    "announces a terabyte": (_announces_much, 502, "predictor_failed"),
}


@pytest.mark.parametrize(("answer", "status", "code"), MISBEHAVIOUR.values(), ids=MISBEHAVIOUR)
def test_misbehaviour_is_told_as_what_it_is(
    answer: Any, status: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "ANSWER_BYTES", 2**20)

    async def scenario() -> None:
        async with setting() as (predictor, forwarder):
            predictor.server.documents[INFER] = answer
            problem = await refusal(forwarder.ask(["0.5"]))
            assert (problem.status, problem.code) == (status, code)
            assert problem.retry_after > 0
            predictor.server.documents[INFER] = predictor.answer
            assert chances(await forwarder.ask(["0.75"])) == [0.75]

    asyncio.run(scenario())


def test_nobody_listens() -> None:
    async def scenario() -> None:
        async with Forwarder(f"http://127.0.0.1:{free_port()}", "tamis", False, 5.0) as forwarder:
            asked = [forwarder.ask(["0.5"]) for _ in range(20)]
            problems = await asyncio.gather(*map(refusal, asked))
            assert {(p.status, p.code) for p in problems} == {(503, "predictor_unavailable")}
            assert not await forwarder.ready()

    asyncio.run(scenario())


def test_a_predictor_that_was_replaced_is_asked_once_more() -> None:
    """Its kept connections break when they are next used; nobody needs to hear of that."""

    async def scenario() -> None:
        async with loopback() as server:
            predictor = Predictor(server)
            breaking = [True]

            async def answer(request: web.Request) -> web.StreamResponse:
                if breaking.pop() if breaking else False:
                    assert request.transport is not None
                    raw = request.transport.get_extra_info("socket")
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    request.transport.abort()
                return await predictor.answer(request)

            server.documents[INFER] = answer
            async with Forwarder(server.url, "tamis", False, 5.0) as forwarder:
                assert chances(await forwarder.ask(["0.75"])) == [0.75]

    asyncio.run(scenario())


def test_a_slow_predictor_is_a_504_and_later_ones_are_answered() -> None:
    async def scenario() -> None:
        async with setting(deadline_s=0.2) as (predictor, forwarder):
            predictor.gate = asyncio.Event()
            asked = [forwarder.ask(["0.5"]) for _ in range(30)]
            problems = await asyncio.gather(*map(refusal, asked))
            assert {(p.status, p.code) for p in problems} == {(504, "deadline_exceeded")}
            predictor.gate.set()
            predictor.gate = None
            await until(lambda: not forwarder._hops)
            assert chances(await forwarder.ask(["0.75"])) == [0.75]

    asyncio.run(scenario())


def test_too_much_waiting_is_refused_at_once_and_nothing_else_suffers() -> None:
    async def scenario() -> None:
        async with setting() as (predictor, forwarder):
            predictor.gate = asyncio.Event()
            first = [asyncio.create_task(forwarder.ask(["0.5"])) for _ in range(limits.HOPS)]
            await until(lambda: len(predictor.calls) == limits.HOPS)
            size = limits.WAITING_TEXTS // 2
            waiting = [asyncio.create_task(forwarder.ask(["0.5"] * size)) for _ in range(2)]
            await asyncio.sleep(0)
            problem = await refusal(forwarder.ask(["0.5"]))
            assert (problem.status, problem.code) == (503, "overloaded")
            assert problem.retry_after > 0
            predictor.gate.set()
            answers = await asyncio.gather(*first, *waiting)
            assert [len(answer.tokens) for answer in answers] == [1] * limits.HOPS + [size] * 2
            assert chances(await forwarder.ask(["0.75"])) == [0.75]

    asyncio.run(scenario())


def test_clients_that_go_leave_nothing_behind() -> None:
    async def scenario() -> None:
        async with setting() as (predictor, forwarder):
            predictor.gate = asyncio.Event()
            under_way = [asyncio.create_task(forwarder.ask(["0.5"])) for _ in range(limits.HOPS)]
            await until(lambda: len(predictor.calls) == limits.HOPS)
            waiting = [asyncio.create_task(forwarder.ask(["0.25"] * 30)) for _ in range(60)]
            staying = asyncio.create_task(forwarder.ask(["0.75"]))
            await asyncio.sleep(0)
            for task in (*under_way, *waiting):
                task.cancel()
            await asyncio.gather(*under_way, *waiting, return_exceptions=True)
            predictor.gate.set()
            assert chances(await staying) == [0.75]
            assert forwarder._waiting_texts == 0
            assert predictor.calls[limits.HOPS :] == [["0.75"]]  # nobody wanted the others' answers

    asyncio.run(scenario())


def test_closing_answers_whoever_waits() -> None:
    async def scenario() -> None:
        async with setting() as (predictor, forwarder):
            predictor.gate = asyncio.Event()
            asked = [asyncio.create_task(refusal(forwarder.ask(["0.5"] * 40))) for _ in range(20)]
            await until(lambda: len(predictor.calls) == limits.HOPS)
            await forwarder.__aexit__()
            problems = await asyncio.wait_for(asyncio.gather(*asked), 5)
            assert {problem.status for problem in problems} <= {502, 503}
            assert (await refusal(forwarder.ask(["0.5"]))).code == "predictor_unavailable"
            predictor.gate.set()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"name": "tamis", "ready": true}', True),
        (200, b'{"name": "tamis"}', True),  # the protocol lets the status alone say it
        (200, b'{"ready": false}', False),
        (200, b'{"ready": "yes"}', False),
        (503, b'{"ready": true}', False),
        (200, b"garbage", False),
        (200, b"[]", False),
        (200, b"", False),
    ],
)
def test_readiness_is_the_predictors(status: int, body: bytes, expected: bool) -> None:
    async def scenario() -> None:
        async with setting() as (predictor, forwarder):
            predictor.server.documents[READY] = _says(status, body)
            assert await forwarder.ready() is expected

    asyncio.run(scenario())


def test_the_drift_reference_comes_with_its_digest() -> None:
    async def scenario() -> None:
        async with setting() as (predictor, forwarder):
            documents = predictor.server.documents
            documents["/v2/models/tamis/reference"] = _says(200, b"tensors", etag=f'"{"d" * 64}"')
            assert await forwarder.reference() == ("d" * 64, b"tensors")
            for wrong in (
                _says(404),
                _says(200, b"tensors"),
                _says(200, b"", etag='"dd"'),
                _ends_at_once,
                _ends_inside,
            ):
                documents["/v2/models/tamis/reference"] = wrong
                with pytest.raises(TamisError) as caught:
                    await forwarder.reference()
                assert caught.value.code == "no_reference"

    asyncio.run(scenario())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


def test_features_travel_as_raw_bytes() -> None:
    document = sound_answer(["0.25", "0.75"])
    document["outputs"].append(
        {
            "name": "features",
            "datatype": "FP32",
            "shape": [2, 3],
            "parameters": {"binary_data_size": 24},
        }
    )
    head = orjson.dumps(document)
    raw = np.arange(6, dtype="<f4").tobytes()
    scored = read_answer(200, head + raw, 2, str(len(head)))
    assert scored.features is not None
    assert scored.features.tolist() == [[0, 1, 2], [3, 4, 5]]
    for wrong in (raw[:-1], raw + b"\0" * 4):  # bytes that are no rows of equal length
        with pytest.raises(RefusalError) as caught:
            read_answer(200, head + wrong, 2, str(len(head)))
        assert caught.value.code == "predictor_failed"
