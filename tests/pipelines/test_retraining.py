"""Retraining with a real model: what is learned from users is used, what they make up is not."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.catalogue import open_classifier
from components.contract.artifact import read_manifest
from components.contract.dataset import Dataset
from components.register.contest import contest
from components.register.gate import Decision
from components.register.settings import RegisterSettings, RetrainSettings
from components.registry.aliases import Registry, Version
from pipelines import parameters
from pipelines.retraining import retraining_document
from pipelines.trigger.settings import RetrainingSettings
from tests.conftest import reviews, write_csv

NAMES = {"0": "negative", "1": "positive"}
TOKENS = 4_000
Rows = list[tuple[str, str]]


@dataclass
class Laptop:
    """A champion trained on long reviews, and how to retrain it on feedback."""

    folder: Path
    registry: Registry
    champion: Version

    def retrain(self, name: str, feedback: Rows) -> Decision:
        folder = self.folder / name
        folder.mkdir()
        file = folder / "feedback.jsonl"
        lines = [{"text": t, "label": NAMES[n], "origin": "fresh"} for t, n in feedback]
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        bundle = train(folder, self.folder / "old.csv", {"uri": str(file), "holdout": 0.4})
        evaluation = evaluate(folder, bundle)
        settings = RegisterSettings(
            floor=0.6, retrain=RetrainSettings(self.champion.bundle_digest, margin=0.1)
        )
        data = Dataset.open(folder / "dataset")
        opened, _ = open_classifier(bundle)
        return contest(data, opened, evaluation, self.registry, self.champion, settings)


def train(folder: Path, source: Path, feedback: dict[str, Any] | None) -> Path:
    """Ingest, tokenize, train: the stages' own functions."""
    from components.ingest.feedback import with_feedback
    from components.ingest.ingest import ingest
    from components.ingest.settings import ingest_settings
    from components.ingest.sources import open_source
    from components.tokenize.settings import TokenizerSettings
    from components.tokenize.tokenize import tokenize
    from components.train_logistic.settings import LogisticSettings
    from components.train_logistic.train import train as train_logistic

    settings = ingest_settings(
        {
            "source": {"uri": str(source), "label_names": {0: "negative", 1: "positive"}},
            "ingest": {"feedback": feedback} if feedback else {},
        }
    )
    source_rows = with_feedback(open_source(settings.source), settings)
    ingest(source_rows, folder / "dataset", settings)
    tokenize(folder / "dataset", folder / "tokens", TokenizerSettings("bpe", vocab_size=TOKENS))
    chosen = LogisticSettings(hash_bits=16)
    train_logistic(folder / "dataset", folder / "tokens", folder / "bundle", chosen)
    return folder / "bundle"


def evaluate(folder: Path, bundle: Path) -> Path:
    from components.evaluate.evaluate import evaluate as evaluate_bundle
    from components.evaluate.settings import EvaluateSettings

    settings = EvaluateSettings(bootstrap=100, behaviour_rows=10)
    evaluate_bundle(folder / "dataset", bundle, folder / "evaluation", settings)
    return folder / "evaluation"


def made(folder: Path) -> Laptop:
    """A laptop with its champion."""
    from components.contract.bundle import Bundle
    from components.registry.champion import keep_bundle

    write_csv(folder / "old.csv", reviews("imdb", each=1_000))
    (folder / "first").mkdir()
    bundle = train(folder / "first", folder / "old.csv", None)
    registry = Registry(f"sqlite:///{folder / 'mlflow.db'}", "tamis")
    keep_bundle(registry, Bundle.open(bundle))
    digest = read_manifest(bundle).digest
    return Laptop(folder, registry, Version("1", {"bundle_digest": digest}))


def short_texts() -> Rows:
    """Other texts with the same labels."""
    rows = reviews("rotten_tomatoes")
    random.Random(7).shuffle(rows)
    return rows[:3_500]


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    return made(tmp_path_factory.mktemp("laptop"))


@pytest.fixture(scope="module")
def sentences() -> Rows:
    return short_texts()


def failed(decision: Decision) -> list[str]:
    return [check.name for check in decision.checks if not check.passed]


@pytest.mark.slow
def test_other_texts_with_their_true_labels_are_learned(laptop: Laptop, sentences: Rows) -> None:
    decision = laptop.retrain("true", sentences)
    assert decision.promote, decision.reason
    numbers = {check.name: check.numbers for check in decision.checks}
    gain = numbers["superiority"]
    assert gain["challenger"] - gain["champion"] > 0.03
    assert gain["rows"] == pytest.approx(0.4 * len(sentences), rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_random_labels_promote_nothing(laptop: Laptop, sentences: Rows, seed: int) -> None:
    """The whole ten tries are `python -m tests.bench.noise`."""
    draw = random.Random(seed)
    noise = [(text, draw.choice("01")) for text, _ in sentences[:1_500]]
    decision = laptop.retrain(f"noise-{seed}", noise)
    assert not decision.promote
    assert "fresh_labels" in failed(decision)


@pytest.mark.slow
def test_labels_that_are_turned_round_promote_nothing(laptop: Laptop, sentences: Rows) -> None:
    """They can be learned, and the fresh rows agree; but the old ones don't."""
    turned = [(text, {"0": "1", "1": "0"}[label]) for text, label in sentences]
    decision = laptop.retrain("turned", turned)
    assert not decision.promote
    assert "old_rows" in failed(decision)


def test_a_retraining_is_said_by_parameters_alone() -> None:
    document = {
        "source": {"uri": "reviews.csv"},
        "ingest": {"max_characters": 500},
        "tokenizers": {"bpe": {"strategy": "bpe"}},
        "architectures": {"logistic": {}},
        "register": {"model_name": "mine", "floor": 0.7},
    }
    settings = RetrainingSettings(holdout=0.3, margin=0.01, fresh_rows=50)
    before = json.dumps(document)
    changed = retraining_document(document, "s3://bucket/feedback.jsonl", "digest", settings)
    assert json.dumps(document) == before
    checked = parameters.check(changed)
    assert checked.ingest["feedback"] == {"uri": "s3://bucket/feedback.jsonl", "holdout": 0.3}
    assert checked.ingest["max_characters"] == 500
    assert checked.register["retrain"] == {"champion": "digest", "margin": 0.01, "fresh_rows": 50}
    assert checked.register["floor"] == 0.7
    plain = parameters.check(document)
    assert "feedback" not in plain.ingest
    assert "retrain" not in plain.register
