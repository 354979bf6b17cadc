"""One setting, every architecture: rare labels are found more often once every label counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components import catalogue
from components.contract.dataset import Dataset
from components.contract.settings import build
from components.ingest.ingest import ingest
from components.ingest.settings import IngestSettings, SourceSettings
from components.ingest.sources import open_source
from components.tokenize.settings import TokenizerSettings
from components.tokenize.tokenize import tokenize
from tests.conftest import reviews, write_csv

SETTINGS: dict[str, dict[str, Any]] = {
    "logistic": {"hash_bits": 14, "epochs": 2},
    "lstm": {"embedding": 16, "hidden": 16, "epochs": 4, "max_tokens": 24, "dropout": 0.2},
    "bert": {"max_tokens": 24, "epochs": 3, "learning_rate": 3e-3, "engine": "fp32"},
}


@pytest.fixture(scope="module")
def imbalanced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences of which one in sixteen is positive, marked so that a little training finds it."""
    folder = tmp_path_factory.mktemp("imbalanced")
    good = [(f"superb {text}" if i % 3 else text, "good") for i, (text, label) in enumerate(
        row for row in reviews(each=60) if row[1] == "1")]  # fmt: skip
    bad = [(text, "bad") for text, label in reviews(each=700) if label == "0"]
    path = write_csv(folder / "reviews.csv", [*good, *bad])
    source = SourceSettings(str(path))
    ingest(open_source(source), folder / "dataset", IngestSettings(source))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_a_rare_label_is_found_more_often(
    name: str, imbalanced: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    settings = dict(SETTINGS[name])
    chosen = TokenizerSettings("bpe", vocab_size=800)
    if name == "bert":
        chosen = TokenizerSettings("wordpiece", encoder=str(tiny_encoder))
        settings["encoder"] = str(tiny_encoder)
    tokenize(imbalanced / "dataset", tmp_path / "tokens", chosen)
    architecture = catalogue.architecture(name)
    data = Dataset.open(imbalanced / "dataset")
    recall = {}
    for weighting in ("none", "balanced"):
        own = build(architecture.load_settings(), {**settings, "class_weights": weighting}, name)
        out = tmp_path / weighting
        architecture.load_train()(imbalanced / "dataset", tmp_path / "tokens", out, own)
        _, classifier = catalogue.open_classifier(out)
        found = total = 0
        for batch in data.batches("train"):
            rare = batch.labels == data.labels.index("good")
            texts = [text for text, chosen in zip(batch.texts, rare, strict=True) if chosen]
            predicted = np.array(classifier.predict_proba(texts)).argmax(axis=1)
            found += int((predicted == classifier.labels.index("good")).sum())
            total += len(texts)
        recall[weighting] = found / total
    assert recall["balanced"] > recall["none"] or recall["none"] == recall["balanced"] == 1
    assert recall["balanced"] > 0.5
