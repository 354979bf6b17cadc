from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from components.contract.artifact import read_manifest
from components.contract.errors import IntegrityError, TamisError
from serving.predictor.metrics import PredictorMetrics
from serving.predictor.reload import Reloader, load
from serving.predictor.served import Served, open_served
from serving.predictor.settings import BatchSettings
from serving.predictor.source import DirectorySource, RegistrySource, Release
from tests.serving.predictor.parts import onnx_bundle
from tests.serving.predictor.test_source import keep, registry_with

SETTINGS = BatchSettings(workers=1)


@pytest.fixture
def metrics() -> PredictorMetrics:
    return PredictorMetrics()


@pytest.fixture
def bundles(tmp_path: Path) -> tuple[Path, Path]:
    return onnx_bundle(tmp_path / "old"), onnx_bundle(tmp_path / "new", seed=1)


def opened(path: Path, version: str = "") -> Served:
    return open_served(path, version, read_manifest(path).digest, SETTINGS)


def failures(metrics: PredictorMetrics, code: str) -> float:
    return metrics.registry.get_sample_value("tamis_reload_failures_total", {"code": code}) or 0.0


def replace(path: Path, other: Path) -> None:
    shutil.rmtree(path)
    shutil.copytree(other, path)


def test_a_directorys_new_content_is_loaded(bundles, metrics) -> None:
    old, new = bundles
    reloader = Reloader(DirectorySource(old), SETTINGS, 1.0, metrics)
    served = opened(old)
    assert asyncio.run(reloader.look(served)) is None
    replace(old, new)
    newer = asyncio.run(reloader.look(served))
    assert newer is not None
    assert newer.digest == read_manifest(new).digest != served.digest
    assert asyncio.run(reloader.look(newer)) is None


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json", "classifier.json"])
def test_a_corrupt_bundle_leaves_the_old_one_serving(bundles, metrics, file) -> None:
    old, new = bundles
    served = opened(old)
    (new / file).write_bytes(b"\x00" * 100)
    replace(old, new)
    reloader = Reloader(DirectorySource(old), SETTINGS, 0.0, metrics)
    assert asyncio.run(reloader.look(served)) is None
    assert failures(metrics, "corrupted") == 1


def test_a_directory_that_is_gone_or_half_written_is_a_failure(bundles, metrics) -> None:
    old, _ = bundles
    served = opened(old)
    reloader = Reloader(DirectorySource(old), SETTINGS, 0.0, metrics)
    (old / "manifest.json").unlink()
    assert asyncio.run(reloader.look(served)) is None
    assert failures(metrics, "not_found") == 1


def test_an_alias_that_moves_is_followed(bundles, metrics, tmp_path) -> None:
    old, new = bundles
    versions = {"1": read_manifest(old).digest, "2": read_manifest(new).digest}
    registry = registry_with(tmp_path / "mlflow.db", "tamis", versions, "1")
    keep(registry, old)
    keep(registry, new)
    source = RegistrySource(registry, "champion")
    served = asyncio.run(load(source, Release("1", versions["1"]), SETTINGS))
    assert served.version == "1"
    reloader = Reloader(source, SETTINGS, 1.0, metrics)
    assert asyncio.run(reloader.look(served)) is None
    registry_with(tmp_path / "mlflow.db", "tamis", versions, "2")
    newer = asyncio.run(reloader.look(served))
    assert newer is not None
    assert (newer.version, newer.digest) == ("2", versions["2"])


def test_the_same_bundle_under_another_version_says_so(bundles, metrics, tmp_path) -> None:
    digest = read_manifest(bundles[0]).digest
    registry = registry_with(tmp_path / "mlflow.db", "tamis", {"1": digest, "2": digest}, "2")
    keep(registry, bundles[0])
    source = RegistrySource(registry, "champion")
    newer = asyncio.run(Reloader(source, SETTINGS, 1.0, metrics).look(opened(bundles[0], "1")))
    assert newer is not None
    assert newer.version == "2"


def test_a_registry_that_is_away_or_empty_leaves_the_old_one(bundles, metrics, tmp_path) -> None:
    database = tmp_path / "mlflow.db"
    registry = registry_with(database, "tamis", {}, "1")
    served = opened(bundles[0])
    reloader = Reloader(RegistrySource(registry, "champion"), SETTINGS, 0.0, metrics)
    assert asyncio.run(reloader.look(served)) is None
    database.unlink()
    assert asyncio.run(reloader.look(served)) is None
    assert failures(metrics, "no_champion") == 2
    database.write_bytes(b"not a database at all" * 99)
    assert asyncio.run(reloader.look(served)) is None
    assert failures(metrics, "registry_unreachable") == 1


@dataclass
class Flaky:
    """A source that fails as it is told; no real one fails on demand."""

    path: Path
    release: Release
    broken: list[Exception] = field(default_factory=list)
    fetched: int = 0

    async def newest(self) -> Release:
        return self.release

    async def fetch(self, release: Release) -> Path:
        self.fetched += 1
        if self.broken:
            raise self.broken.pop(0)
        return self.path

    async def repair(self, release: Release) -> Path | None:
        return None


def test_what_failed_is_not_fetched_again_at_once(bundles, metrics, monkeypatch) -> None:
    old, new = bundles
    digest = read_manifest(new).digest
    errors: list[Exception] = [IntegrityError("corrupted", "x."), TamisError("disk_full", "x.")]
    source = Flaky(new, Release("2", digest), errors)
    served, now = opened(old), [0.0]
    monkeypatch.setattr("serving.predictor.reload.time.monotonic", lambda: now[0])
    reloader = Reloader(source, SETTINGS, 10.0, metrics)
    found = []
    for second in range(0, 60, 5):
        now[0] = float(second)
        found.append(asyncio.run(reloader.look(served)))
        if found[-1] is not None:
            break
    # at 0 s, after a pause of 10 s, and after one of 20 s
    assert source.fetched == 3
    assert now[0] == 30.0
    assert found[-1] is not None
    assert failures(metrics, "corrupted") == failures(metrics, "disk_full") == 1


def test_another_version_is_tried_at_once(bundles, metrics, monkeypatch) -> None:
    old, new = bundles
    source = Flaky(new, Release("2", "0" * 64), [TamisError("disk_full", "x.")])
    reloader = Reloader(source, SETTINGS, 1000.0, metrics)
    assert asyncio.run(reloader.look(opened(old))) is None
    source.release = Release("3", read_manifest(new).digest)
    newer = asyncio.run(reloader.look(opened(old)))
    assert newer is not None
    assert newer.version == "3"


def test_whatever_else_goes_wrong_is_counted_too(bundles, metrics) -> None:
    source = Flaky(bundles[1], Release("2", "x"), [RuntimeError("no idea")])
    reloader = Reloader(source, SETTINGS, 1.0, metrics)
    assert asyncio.run(reloader.look(opened(bundles[0]))) is None
    assert failures(metrics, "unexpected") == 1


def test_it_follows_while_the_block_runs(bundles, metrics) -> None:
    old, new = bundles
    swapped: list[Served] = []
    served = [opened(old)]

    async def run() -> None:
        reloader = Reloader(DirectorySource(old), SETTINGS, 0.01, metrics)
        async with reloader.following(lambda: served[0], swapped.append):
            replace(old, new)
            while not swapped:
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(run(), 30))
    assert swapped[0].digest == read_manifest(new).digest
