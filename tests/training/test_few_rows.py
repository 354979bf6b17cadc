"""Twenty rows, of which chance holds none out for validation: still a model that is served."""

from __future__ import annotations

from pathlib import Path

from components import catalogue
from components.contract.dataset import Dataset
from components.contract.split import SplitRule
from components.evaluate.evaluate import evaluate
from components.evaluate.settings import EvaluateSettings
from components.ingest.ingest import ingest
from components.ingest.settings import IngestSettings, SourceSettings
from components.ingest.sources import open_source
from components.tokenize.settings import TokenizerSettings
from components.tokenize.tokenize import tokenize
from components.train_logistic.settings import LogisticSettings
from components.train_logistic.train import train
from tests.conftest import reviews, write_csv


def few_rows() -> list[tuple[str, str]]:
    """Ten sentences of each label, eighteen to train on and two to test."""
    rule = SplitRule(0.8, 0.1, "13")
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for text, label in reviews(each=200):
        found.setdefault((rule.split(text), label), []).append((text, label))
    return [
        row
        for label in "01"
        for row in (*found["train", label][:9], found["test", label][0])
    ]  # fmt: skip


def test_twenty_rows_make_a_bundle_that_opens_and_is_evaluated(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "few.csv", few_rows())
    source = SourceSettings(str(path))
    ingest(open_source(source), tmp_path / "dataset", IngestSettings(source))
    data = Dataset.open(tmp_path / "dataset")
    assert [data.rows(split) for split in ("train", "validation", "test")] == [18, 0, 2]
    tokenize(tmp_path / "dataset", tmp_path / "tokens", TokenizerSettings("bpe", vocab_size=500))
    settings = LogisticSettings(hash_bits=12)
    train(tmp_path / "dataset", tmp_path / "tokens", tmp_path / "bundle", settings)
    bundle, _ = catalogue.open_classifier(tmp_path / "bundle")
    trained = {text for batch in data.batches("train") for text in batch.texts}
    golden = list(bundle.golden_texts())
    assert len(golden) == 8
    assert set(golden) <= trained
    chosen = EvaluateSettings(bootstrap=100, behaviour_rows=2)
    manifest = evaluate(tmp_path / "dataset", tmp_path / "bundle", tmp_path / "report", chosen)
    assert manifest.facts["rows"] == 2
