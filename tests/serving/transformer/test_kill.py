"""kill -9, a frozen predictor, too much work: the others answer as specified, and all recovers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from components.contract.classifier import Classifier
from serving.transformer.journal import commands
from serving.transformer.journal.settings import JournalSettings
from tests.conftest import reviews
from tests.serving.forked import Forked
from tests.serving.load import Crowd
from tests.serving.processes import Pair, Process, alive, answers, make_pair, running, wait_until
from tests.serving.transformer.journal.answers import contents

DEADLINE_S = 1.5
TEXTS = [text for text, _ in reviews(each=1)]
BODY = {"texts": TEXTS}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def frail(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Iterator[Pair]:
    """A pair of which processes may be killed; each test leaves both running."""
    folder = tmp_path_factory.mktemp("frail")
    pair = make_pair(bundle, folder, {"deadline_s": DEADLINE_S})
    pair.transformer = Forked(["--config", "serving.yaml"], folder, "transformer")
    with running(pair):
        yield pair


def crowd(pair: Pair) -> Crowd:
    return Crowd(pair.url, "/classify", BODY, pair.headers("predict"), stubborn=True)


def check_labels(answered: list[tuple[int, Any]], classifier: Classifier) -> list[str]:
    """Every 200 is the model's own answer; returns the ids."""
    alone = classifier.predict_proba(TEXTS)
    ids = []
    for status, rows in answered:
        if status != 200:
            assert rows.keys() == {"error"}
            assert not {"label", "score", "probabilities"} & rows["error"].keys()
            continue
        assert [row["label"] for row in rows] == [classifier.labels[a.argmax()] for a in alone]
        told = [list(row["probabilities"].values()) for row in rows]
        np.testing.assert_allclose(told, alone, atol=1e-5)
        ids += [row["id"] for row in rows]
    assert len(set(ids)) == len(ids)
    return ids


def codes(answered: list[tuple[int, Any]]) -> set[tuple[int, str]]:
    return {(status, body["error"]["code"]) for status, body in answered if status != 200}


class TestPredictorGone:
    def test_it_is_said_to_be_away_and_answers_again_once_it_is_back(
        self, frail: Pair, classifier: Classifier
    ) -> None:
        async def scenario() -> Crowd:
            many = crowd(frail)
            async with many.running():
                await many.some_answered(100)
                frail.predictor.signal(signal.SIGKILL)
                await asyncio.to_thread(frail.predictor.ended)
                await many.some_answered(100)
                await asyncio.to_thread(self.while_it_is_away, frail, many)
                await asyncio.to_thread(frail.start_predictor)
                await many.some_answered(200)
            return many

        many = asyncio.run(scenario())
        assert many.noted.lost == []
        assert many.noted.refused == 0
        assert (503, "predictor_unavailable") in codes(many.noted.answered)
        # One whose answer was cut in the middle is told that it was unusable.
        assert codes(many.noted.answered) <= {
            (503, "predictor_unavailable"),
            (502, "predictor_failed"),
        }
        check_labels(many.noted.answered, classifier)
        assert [status for status, _ in many.noted.answered[-50:]] == [200] * 50

    @staticmethod
    def while_it_is_away(pair: Pair, many: Crowd) -> None:
        with pair.client() as client:
            answer = client.post("/classify", json=BODY)
            assert answer.status_code == 503
            assert answer.json()["error"]["code"] == "predictor_unavailable"
            assert int(answer.headers["retry-after"]) >= 1
            assert client.get("/v2/health/live").status_code == 200
            for path in ("/v2/health/ready", "/v2/models/tamis/ready", "/v1/models/tamis"):
                ready = client.get(path)
                assert ready.status_code == 503
                assert ready.json()["error"]["code"] == "not_ready"
                assert int(ready.headers["retry-after"]) >= 1
            # What was predicted before can be judged, and wrong requests are told so.
            row = next(rows[0] for status, rows in many.noted.answered if status == 200)
            feedback = client.post("/feedback", json={"id": row["id"], "label": row["label"]})
            assert feedback.status_code == 200
            assert client.post("/classify", json={"texts": []}).status_code == 422
            assert client.get("/v2/models/tamis").status_code == 200


class TestTransformerGone:
    def test_every_acknowledged_prediction_takes_feedback(
        self, frail: Pair, classifier: Classifier
    ) -> None:
        noted: list[tuple[int, Any]] = []

        async def scenario() -> None:
            many = crowd(frail)
            async with many.running():
                for _ in range(3):
                    await many.some_answered(60)
                    await asyncio.to_thread(frail.transformer.kill)
                    assert answers(f"{frail.predictor_url}/v2/health/ready")
                    await asyncio.to_thread(frail.start_transformer)
                await many.some_answered(60)
            noted.extend(many.noted.answered)

        journal, keys = str(frail.folder / "journal.db"), str(frail.folder / "journal.keys")
        before = commands.status(journal, keys)
        asyncio.run(scenario())
        assert codes(noted) == set()
        ids = check_labels(noted, classifier)
        # Some were recorded and their answers died with the process; none is missing.
        assert commands.status(journal, keys).predictions - before.predictions >= len(ids) >= 400
        asyncio.run(self.judge(frail, ids))
        labelled = commands.status(journal, keys).feedback - before.feedback
        assert labelled == len(ids)
        out = frail.folder / "labelled.jsonl"
        report = commands.export(out, url=journal, keys=keys)
        rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        assert len(rows) >= len(ids)
        assert {row["text"] for row in rows} == set(TEXTS)
        assert report is not None

    @staticmethod
    async def judge(pair: Pair, ids: list[str]) -> None:
        limits = httpx.Limits(max_connections=16)
        async with httpx.AsyncClient(
            base_url=pair.url, headers=pair.headers(), limits=limits, trust_env=False, timeout=60
        ) as client:
            told = [client.post("/feedback", json={"id": i, "label": "positive"}) for i in ids]
            statuses = [answer.status_code for answer in await asyncio.gather(*told)]
        assert statuses == [200] * len(ids)


class TestJournalGone:
    def test_it_is_said_and_the_next_one_goes_on(self, frail: Pair, classifier: Classifier) -> None:
        async def scenario() -> Crowd:
            many = crowd(frail)
            async with many.running():
                for _ in range(3):
                    await many.some_answered(50)
                    os.kill(journal_process(frail), signal.SIGKILL)
                    await many.some_answered(20)
                    await asyncio.sleep(1.5)  # longer than between two starts
                await many.some_answered(100)
            return many

        many = asyncio.run(scenario())
        assert many.noted.lost == []
        assert (503, "journal_unavailable") in codes(many.noted.answered)
        assert codes(many.noted.answered) == {(503, "journal_unavailable")}
        assert [status for status, _ in many.noted.answered[-50:]] == [200] * 50
        ids = check_labels(many.noted.answered, classifier)
        folder = frail.folder
        kept = contents(JournalSettings(f"{folder}/journal.db", f"{folder}/journal.keys"))
        assert set(ids) <= kept.keys()


def journal_process(pair: Pair) -> int:
    """The newest child of the transformer that is a journal."""
    parent = pair.transformer.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    journals = [
        int(child)
        for child in children
        if b"journal.store_worker" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
    return journals[-1]


class TestPredictorFrozen:
    def test_the_deadline_passes_and_everything_else_goes_on(
        self, frail: Pair, classifier: Classifier
    ) -> None:
        async def scenario() -> tuple[list[httpx.Response], Crowd]:
            many = crowd(frail)
            async with (
                httpx.AsyncClient(
                    base_url=frail.url, headers=frail.headers(), trust_env=False, timeout=60
                ) as client,
                many.running(),
            ):
                await many.some_answered(50)
                frail.predictor.signal(signal.SIGSTOP)
                asked = await asyncio.gather(
                    *(client.post("/classify", json=BODY) for _ in range(10)),
                    client.get("/v2/health/live"),
                )
                frail.predictor.signal(signal.SIGCONT)
                await many.some_answered(100)
            return list(asked), many

        (*late, live), many = asyncio.run(scenario())
        assert live.status_code == 200
        for answer in late:
            assert answer.status_code == 504
            assert answer.json()["error"]["code"] == "deadline_exceeded"
            assert int(answer.headers["retry-after"]) >= 1
        assert many.noted.lost == []
        assert codes(many.noted.answered) <= {(504, "deadline_exceeded")}
        assert [status for status, _ in many.noted.answered[-30:]] == [200] * 30
        check_labels(many.noted.answered, classifier)

    def test_what_cannot_wait_is_refused_at_once(self, frail: Pair) -> None:
        """A frozen predictor fills the queue; whoever comes then needn't wait for a deadline."""

        async def scenario() -> list[httpx.Response]:
            async with httpx.AsyncClient(
                base_url=frail.url, headers=frail.headers(), trust_env=False, timeout=60
            ) as client:
                frail.predictor.signal(signal.SIGSTOP)
                large = {"texts": ["fine"] * 1_000}
                asked = [client.post("/classify", json=large) for _ in range(12)]
                arrived = [await answer for answer in asyncio.as_completed(asked)]
                frail.predictor.signal(signal.SIGCONT)
                return arrived

        arrived = asyncio.run(scenario())
        statuses = [answer.status_code for answer in arrived]
        assert statuses == sorted(statuses)
        assert set(statuses) == {503, 504}
        for answer in arrived[: statuses.index(504)]:
            assert answer.json()["error"]["code"] == "overloaded"
            assert int(answer.headers["retry-after"]) >= 1
        with frail.client() as client:
            wait_until(
                lambda: client.post("/classify", json=BODY).status_code == 200, "an answer again"
            )


class TestOverload:
    def test_too_much_is_refused_and_what_is_taken_is_answered(
        self, onnx_pair: Pair, onnx_classifier: Classifier
    ) -> None:
        """Forty thousand texts at once."""
        texts = [text for text, _ in reviews(each=512)]
        alone = onnx_classifier.predict_proba(texts)

        async def scenario() -> tuple[list[httpx.Response], list[int]]:
            async with httpx.AsyncClient(
                base_url=onnx_pair.url,
                headers=onnx_pair.headers(),
                trust_env=False,
                timeout=120,
                limits=httpx.Limits(max_connections=64),
            ) as client:
                asked = asyncio.gather(
                    *(client.post("/classify", json={"texts": texts}) for _ in range(40))
                )
                health: list[int] = []
                paths = ("/v2/health/live", "/v2/health/ready")
                while not asked.done():
                    told = [await client.get(path) for path in paths]
                    health += [answer.status_code for answer in told]
                    await asyncio.sleep(0.01)
                return list(await asked), health

        found, health = asyncio.run(scenario())
        assert {answer.status_code for answer in found} == {200, 503}
        assert set(health) == {200}
        for answer in found:
            if answer.status_code == 503:
                assert answer.json()["error"]["code"] == "overloaded"
                assert int(answer.headers["retry-after"]) >= 1
            else:
                told = [list(row["probabilities"].values()) for row in answer.json()]
                np.testing.assert_allclose(told, alone, atol=1e-5)
        with onnx_pair.client() as client:
            assert client.post("/classify", json=BODY).status_code == 200


SERVICE = """
import json, sys
from serving.local import Service
predictor, transformer, url = json.loads(sys.argv[1])
service = Service(predictor, transformer, url)
service.run(lambda: print("pids", *[child.process.pid for child in service.children], flush=True))
print("restarts", *[child.restarts for child in service.children], flush=True)
"""


def test_a_watched_service_heals_by_itself(
    bundle: Path, classifier: Classifier, tmp_path: Path
) -> None:
    """Both processes are killed in turn, under load, while `serving.local.Service` watches."""
    pair = make_pair(bundle, tmp_path)
    commandlines = [pair.predictor.command, pair.transformer.command, f"{pair.url}/v2/health/ready"]
    service = Process(
        [sys.executable, "-c", SERVICE, json.dumps(commandlines)], tmp_path, "service"
    )
    service.start()
    try:
        service.wait_until(lambda: "pids" in service.text(), "a ready service")
        line = next(line for line in service.text().splitlines() if line.startswith("pids"))

        async def scenario() -> Crowd:
            many = crowd(pair)
            async with many.running():
                for pid in map(int, line.split()[1:]):
                    await many.some_answered(50)
                    await asyncio.to_thread(killed, pid)
                    await asyncio.to_thread(
                        wait_until, lambda: answers(f"{pair.url}/v2/health/ready"), "ready again"
                    )
                await many.some_answered(50)
            return many

        many = asyncio.run(scenario())
        assert codes(many.noted.answered) <= {
            (503, "predictor_unavailable"),
            (502, "predictor_failed"),
        }
        assert [status for status, _ in many.noted.answered[-20:]] == [200] * 20
        ids = check_labels(many.noted.answered, classifier)
        asyncio.run(TestTransformerGone.judge(pair, ids[:200]))
        assert service.stop() == 0
        assert "restarts 1 1" in service.text()
    finally:
        service.end()


def killed(pid: int) -> None:

    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid), "its end")
