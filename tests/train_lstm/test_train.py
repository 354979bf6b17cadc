import json
from pathlib import Path

import numpy as np
import pytest

from components.catalogue import open_classifier
from components.contract.artifact import Manifest, read_manifest
from components.contract.dataset import Dataset
from components.contract.encoding import from_rows
from components.contract.errors import InputError
from components.train_lstm.model import LstmClassifier
from components.train_lstm.settings import LstmSettings
from components.train_lstm.train import train

SMALL = LstmSettings(
    embedding=16, hidden=16, epochs=6, max_tokens=40, batch_rows=16, learning_rate=1e-2, patience=6
)


@pytest.fixture(scope="module")
def published(
    dataset: Path, tokens: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Manifest]:
    out = tmp_path_factory.mktemp("lstm") / "bundle"
    return out, train(dataset, tokens, out, SMALL)


def test_the_bundle_tells_how_it_was_made(published: tuple[Path, Manifest], dataset: Path) -> None:
    out, manifest = published
    assert manifest == read_manifest(out, "bundle")
    assert manifest.facts["architecture"] == "lstm"
    assert manifest.facts["settings"]["hidden"] == 16
    assert manifest.facts["data_digest"] == read_manifest(dataset).digest
    assert {"wall_s", "cpu_s", "peak_rss_mb"} <= manifest.measured.keys()
    history = json.loads((out / "history.json").read_text())
    assert [entry["epoch"] for entry in history] == list(range(1, len(history) + 1))
    assert {"train_loss", "validation_loss", "validation_accuracy"} <= history[0].keys()
    assert not list(out.parent.glob(".*.checkpoint"))


def test_it_learns(published: tuple[Path, Manifest], dataset: Path) -> None:
    _, classifier = open_classifier(published[0])
    rows = [
        (text, label)
        for batch in Dataset.open(dataset).batches("train")
        for text, label in zip(batch.texts, batch.labels, strict=True)
    ]
    guessed = classifier.predict_proba([text for text, _ in rows]).argmax(axis=1)
    assert (guessed == [label for _, label in rows]).mean() > 0.75


def test_a_long_text_keeps_head_and_tail(published: tuple[Path, Manifest]) -> None:
    _, classifier = open_classifier(published[0])
    long = np.arange(5, 205, dtype=np.uint16)
    kept = np.concatenate([long[:20], long[-20:]])
    logits = classifier.logits(from_rows([long, kept]))
    np.testing.assert_array_equal(logits[0], logits[1])


def test_features_come_with_the_logits(published: tuple[Path, Manifest]) -> None:
    _, classifier = open_classifier(published[0])
    assert isinstance(classifier, LstmClassifier)
    encoding = classifier.tokenizer.encode(["a fine film", "", "a film of two halves"])
    scores = classifier.score(encoding)
    assert scores.features.shape == (3, 2 * (16 + 2 * 16))
    np.testing.assert_array_equal(scores.logits, classifier.logits(encoding))


@pytest.mark.parametrize(
    "changed",
    [{"epochs": 0}, {"hidden": 0}, {"dropout": 1.0}, {"learning_rate": 0.0}, {"seed": -1},
     {"weight_decay": -0.1}, {"warmup": 1.0}, {"max_tokens": 0}],
)  # fmt: skip
def test_impossible_settings_are_refused(changed: dict[str, float]) -> None:
    with pytest.raises(InputError) as caught:
        LstmSettings(**changed).check()  # type: ignore[arg-type]
    assert caught.value.code == "bad_parameter"
    assert next(iter(changed)) in caught.value.message


def test_an_empty_split_is_told(tokens: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        train(tmp_path / "nowhere", tokens, tmp_path / "out", SMALL)
    assert caught.value.code == "not_found"
    assert not (tmp_path / "out").exists()
