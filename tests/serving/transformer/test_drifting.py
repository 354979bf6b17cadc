"""Drift scoring as the application runs it: a real bundle, real texts, the real worker process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from components.catalogue import open_classifier
from components.contract.bundle import REFERENCE_FILE
from components.contract.calibration import softmax
from components.contract.dataset import Dataset
from components.contract.errors import TamisError
from components.contract.normalise import normalise
from serving.transformer.drift.settings import DriftSettings
from serving.transformer.drifting import Drift
from serving.transformer.identity import new_ids
from serving.transformer.model_identity import ModelIdentity
from serving.transformer.prediction import Answered
from tests.conftest import reviews

SETTINGS = DriftSettings(
    detectors="own", window_rows=200, minimum_rows=50, every_rows=50, every_s=0.2, cpu_share=1.0
)
WAIT_S = 60


class Service:
    """Scores texts with a bundle, as the predictor would."""

    def __init__(self, bundle: Path) -> None:
        opened, self.classifier = open_classifier(bundle)
        self.digest = opened.manifest.digest
        self.reference = (bundle / REFERENCE_FILE).read_bytes()

    async def fetch(self) -> tuple[str, bytes]:
        return self.digest, self.reference

    def answer(self, texts: Sequence[str]) -> Answered:
        encoding = self.classifier.tokenizer.encode([normalise(text) for text in texts])
        scores = self.classifier.score(encoding)
        return Answered(
            list(islice(new_ids(), len(texts))),
            texts,
            "somebody",
            ModelIdentity("tamis", "1", self.digest),
            self.classifier.labels,
            softmax(scores.logits, self.classifier.temperature),
            encoding.lengths,
            encoding.lengths < 0,
            scores.features,
        )


async def findings(drift: Drift, service: Service, texts: Sequence[str]) -> dict[str, bool]:
    """Detector -> whether the window of these texts is significant."""
    assert drift.tap is not None
    async with asyncio.timeout(WAIT_S):
        while drift.report()["bundle_digest"] != service.digest:
            await asyncio.sleep(0.05)
        drift.tap.offer(service.answer(texts))
        while not drift.report()["findings"]:
            await asyncio.sleep(0.05)
    return {found["detector"]: found["significant"] for found in drift.report()["findings"]}


def active(drift: Drift) -> set[str]:
    """The kinds of drift that are held to be there."""
    return {
        verdict["kind"] for verdict in drift.report()["diagnosis"]["kinds"] if verdict["active"]
    }


def test_other_texts_are_noticed_and_held_out_ones_are_not(bundle: Path, dataset: Path) -> None:
    service = Service(bundle)
    split = Dataset.open(dataset).batches("validation")
    held_out = [text for batch in split for text in batch.texts]
    other = [text[:1_000] for text, _ in reviews("imdb", 60)]

    async def look(texts: Sequence[str]) -> dict[str, bool]:
        async with Drift(SETTINGS, service.fetch, CollectorRegistry()) as drift:
            return await findings(drift, service, texts)

    assert len(held_out) >= SETTINGS.minimum_rows
    assert not any(asyncio.run(look(held_out)).values())
    noticed = asyncio.run(look(other))
    assert noticed["features_mmd"]
    assert noticed["lengths_ks"]


def test_the_sequential_tests_say_which_drift_and_how_large(bundle: Path, dataset: Path) -> None:
    service, registry = Service(bundle), CollectorRegistry()
    split = Dataset.open(dataset).batches("test")  # validation rows are the reference itself
    held_out = [text for batch in split for text in batch.texts]
    other = [text[:1_000] for text, _ in reviews("imdb", 60)]

    def gauge(name: str, **labels: str) -> float:
        value = registry.get_sample_value(f"tamis_{name}", labels)
        assert value is not None
        return value

    async def look() -> None:
        async with Drift(SETTINGS, service.fetch, registry) as drift:
            assert gauge("drift_active", kind="input") == 0
            await findings(drift, service, held_out)
            assert gauge("drift_active", kind="input") == 0
            assert gauge("drift_since_timestamp_seconds", kind="input") == 0
            assert 0 <= gauge("estimated_accuracy_lower") <= gauge("estimated_accuracy_upper") <= 1
            before = time.time()
            assert drift.tap is not None
            drift.tap.offer(service.answer(other))
            for _ in range(40):
                drift.feedback(False, service.digest)
            async with asyncio.timeout(WAIT_S):
                while not {"input", "prediction"} <= active(drift):
                    await asyncio.sleep(0.05)
            report = drift.report()
            assert report["drifted"]
            told = {verdict["kind"]: verdict for verdict in report["diagnosis"]["kinds"]}
            assert report["diagnosis"]["cause"] == "covariate"
            moved = {aspect["aspect"]: aspect for aspect in told["input"]["aspects"]}
            assert moved["length"]["gap"] > 0.9
            assert moved["length"]["after"] < moved["length"]["before"]
            assert moved["uppercase"]["alarmed"]  # those sentences are in lower case
            assert told["input"]["terms"]
            assert not any(text[:20] in json.dumps(told) for text in other)
            for kind in ("input", "prediction"):
                assert gauge("drift_active", kind=kind) == 1
                assert before - 1 <= gauge("drift_since_timestamp_seconds", kind=kind)
                assert gauge("drift_evidence", kind=kind) > 2.4
                assert gauge("drift_size", kind=kind) == told[kind]["size"]
            assert gauge("drift_size", kind="input") > 0.9
            assert told["concept"]["rows"] == 40

    asyncio.run(look())


def test_a_new_worker_goes_on_with_the_sequential_tests(bundle: Path) -> None:
    service = Service(bundle)
    other = [text[:1_000] for text, _ in reviews("imdb", 60)]

    async def survive() -> None:
        async with Drift(SETTINGS, service.fetch, CollectorRegistry()) as drift:
            await findings(drift, service, other)
            assert drift.monitor is not None
            assert drift.monitor.worker_pid is not None
            rows = drift.report()["diagnosis"]["kinds"][0]["rows"]
            assert rows == len(other)
            os.kill(drift.monitor.worker_pid, signal.SIGKILL)
            assert drift.tap is not None
            async with asyncio.timeout(WAIT_S):
                while drift.report()["diagnosis"]["kinds"][0]["rows"] == rows:
                    drift.tap.offer(service.answer(other[:20]))
                    await asyncio.sleep(0.3)
            told = drift.report()["diagnosis"]["kinds"][0]
            assert drift.report()["worker_restarts"] >= 1
            assert told["rows"] > rows
            assert told["active"]

    asyncio.run(survive())


def test_a_killed_worker_is_replaced(bundle: Path) -> None:
    service = Service(bundle)
    texts = [text[:1_000] for text, _ in reviews("imdb", 60)]

    async def survive() -> None:
        async with Drift(SETTINGS, service.fetch, CollectorRegistry()) as drift:
            await findings(drift, service, texts)
            assert drift.monitor is not None
            assert drift.monitor.worker_pid is not None
            os.kill(drift.monitor.worker_pid, signal.SIGKILL)
            before = drift.report()["findings"][0]["computed_at"]
            assert drift.tap is not None
            async with asyncio.timeout(WAIT_S):
                while drift.report()["findings"][0]["computed_at"] == before:
                    drift.tap.offer(service.answer(texts[:60]))
                    await asyncio.sleep(0.3)
            assert drift.report()["worker_restarts"] >= 1

    asyncio.run(survive())


def test_rows_of_another_bundle_are_dropped_and_counted(bundle: Path) -> None:
    service = Service(bundle)

    async def drop() -> None:
        async with Drift(SETTINGS, service.fetch, CollectorRegistry()) as drift:
            async with asyncio.timeout(WAIT_S):
                while drift.report()["bundle_digest"] != service.digest:
                    await asyncio.sleep(0.05)
            answered = service.answer(["a film"])
            service.digest = "another"
            assert drift.tap is not None
            drift.tap.offer(service.answer(["a film"]))
            drift.tap.offer(answered)
            assert drift.report()["dropped"] == 1

    asyncio.run(drop())


def test_a_predictor_without_a_reference_is_asked_again(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.transformer.reference.FIRST_PAUSE_S", 0.05)
    service, asked = Service(bundle), []

    async def fetch() -> tuple[str, bytes]:
        asked.append(1)
        if len(asked) < 3:
            raise TamisError("no_reference", "The predictor gave no drift reference.")
        return await service.fetch()

    async def wait() -> None:
        async with Drift(SETTINGS, fetch, CollectorRegistry()) as drift, asyncio.timeout(WAIT_S):
            while drift.report()["bundle_digest"] != service.digest:
                await asyncio.sleep(0.05)

    asyncio.run(wait())
    assert len(asked) == 3


def test_off_is_off() -> None:
    async def nothing() -> None:
        async with Drift(DriftSettings(detectors="off"), _never, CollectorRegistry()) as drift:
            assert drift.tap is None
            drift.served("any")
            drift.feedback(True, "any")
            assert drift.report() == {}

    asyncio.run(nothing())


async def _never() -> tuple[str, bytes]:
    raise AssertionError("asked for a reference that nobody needs")
