from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from components.contract.artifact import publish, read_manifest
from components.contract.errors import InputError, IntegrityError
from serving.predictor.served import batch_limits, open_served
from serving.predictor.settings import BatchSettings
from tests.serving.predictor.parts import onnx_bundle

SETTINGS = BatchSettings(workers=3)


def test_a_model_without_a_version_goes_by_its_digest(graph_bundle: Path) -> None:
    digest = read_manifest(graph_bundle).digest
    served = open_served(graph_bundle, "", digest, SETTINGS)
    assert (served.version, served.digest) == (digest[:12], digest)
    assert open_served(graph_bundle, "7", digest, SETTINGS).version == "7"
    assert served.architecture == "lstm"


def test_another_bundle_than_the_expected_is_refused(graph_bundle: Path) -> None:
    with pytest.raises(IntegrityError):
        open_served(graph_bundle, "", "0" * 64, SETTINGS)


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json", "golden.jsonl", "manifest.json"])
def test_a_flipped_bit_is_refused(graph_bundle: Path, tmp_path: Path, file: str) -> None:
    copy = shutil.copytree(graph_bundle, tmp_path / "copy")
    content = bytearray((copy / file).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / file).write_bytes(content)
    with pytest.raises((IntegrityError, InputError)):
        open_served(copy, "", read_manifest(graph_bundle).digest, SETTINGS)


def test_golden_rows_are_replayed(tmp_path: Path) -> None:
    """A bundle whose files are what it says, but whose model scores otherwise than it did."""
    bundle, other = onnx_bundle(tmp_path / "a"), onnx_bundle(tmp_path / "b", seed=1)
    with publish(tmp_path / "c", "bundle") as draft:
        for name in read_manifest(bundle).files:
            shutil.copy(bundle / name, draft.path / name)
        shutil.copy(other / "model.onnx", draft.path / "model.onnx")
        draft.facts.update(read_manifest(bundle).facts)
    digest = read_manifest(tmp_path / "c").digest
    with pytest.raises(IntegrityError) as caught:
        open_served(tmp_path / "c", "", digest, SETTINGS)
    assert caught.value.code == "golden_mismatch"


def test_batches_suit_the_model_unless_they_are_set(graph, logistic) -> None:
    threads, loop = (
        batch_limits(graph.classifier, SETTINGS),
        batch_limits(logistic.classifier, SETTINGS),
    )
    assert threads.parallel == 3
    assert loop.parallel == 0
    assert loop.rows > threads.rows
    chosen = batch_limits(graph.classifier, BatchSettings(rows=5, tokens=77, workers=1))
    assert (chosen.rows, chosen.tokens, chosen.parallel) == (5, 77, 1)
