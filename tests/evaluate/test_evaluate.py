from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pyarrow.parquet as parquet
import pytest
from sklearn.metrics import confusion_matrix, f1_score, roc_auc_score

from components.catalogue import open_classifier
from components.contract.artifact import publish, read_manifest, verify
from components.contract.dataset import Dataset
from components.contract.environment import environment
from components.contract.errors import InputError, IntegrityError
from components.evaluate.evaluate import evaluate
from components.evaluate.settings import EvaluateSettings, Expectation
from tests.evaluate.published import reviews, split_rows, write_dataset

SETTINGS = EvaluateSettings(
    bootstrap=200,
    behaviour_rows=20,
    minimum_function=(Expectation("a wonderful film", "positive"),),
)
PLOTS = ("confusion.png", "reliability.png", "roc.png")


@pytest.fixture(scope="module")
def evaluation(dataset, bundle, tmp_path_factory):
    out = tmp_path_factory.mktemp("evaluation") / "evaluation"
    evaluate(dataset, bundle, out, SETTINGS)
    return out


@pytest.fixture(scope="module")
def metrics(evaluation):
    return json.loads((evaluation / "metrics.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def scored(dataset, bundle):
    """The test split scored by a second route: one text at a time."""
    _, classifier = open_classifier(bundle)
    data = Dataset.open(dataset)
    truth, rows = [], []
    for batch in data.batches("test", 50):
        truth += batch.labels.tolist()
        rows += [classifier.predict_proba([text])[0] for text in batch.texts]
    return np.array(truth), np.array(rows)


def test_the_metrics_are_those_of_a_second_route(metrics, scored):
    truth, probabilities = scored
    predicted = probabilities.argmax(axis=1)
    assert metrics["rows"] == len(truth)
    assert metrics["accuracy"] == pytest.approx(np.mean(truth == predicted), abs=1e-6)
    assert metrics["macro_f1"] == pytest.approx(
        f1_score(truth, predicted, average="macro"), abs=1e-6
    )
    assert metrics["confusion"] == confusion_matrix(truth, predicted).tolist()
    assert metrics["roc_area"]["positive"] == pytest.approx(
        roc_auc_score(truth, probabilities[:, 1]), abs=1e-5
    )
    low, high = metrics["intervals"]["accuracy"]
    assert low < metrics["accuracy"] < high


def test_the_manifest_tells_what_was_evaluated(evaluation, dataset, bundle, metrics):
    manifest = verify(evaluation, "evaluation")
    assert manifest.facts["bundle_digest"] == read_manifest(bundle).digest
    assert manifest.facts["data_digest"] == read_manifest(dataset).digest
    assert manifest.facts["accuracy"] == metrics["accuracy"]
    assert manifest.measured["texts_per_s"] > 0


def test_validation_agrees_with_the_training(metrics, bundle):
    validation = read_manifest(bundle).facts["validation"]
    assert metrics["validation"]["accuracy"] == pytest.approx(validation["accuracy"], abs=1e-6)
    assert metrics["validation"]["log_loss"] == pytest.approx(validation["log_loss"], abs=1e-4)


def test_predictions_stand_in_the_datasets_order(evaluation, dataset, scored):
    table = parquet.read_table(evaluation / "predictions.parquet")
    truth, probabilities = scored
    digests = [d for batch in Dataset.open(dataset).batches("test") for d in batch.digests]
    assert table.column("digest").to_pylist() == digests
    names = ("negative", "positive")
    assert table.column("label").to_pylist() == [names[label] for label in truth]
    own = np.array(table.column("probabilities").to_pylist())
    assert own == pytest.approx(probabilities, abs=1e-5)
    slices = parquet.read_table(evaluation / "slices.parquet")
    assert slices.num_rows == len(digests)
    assert slices.column_names == ["length", "source"]


def test_slices_cover_the_rows(metrics):
    for column in ("length", "source"):
        found = [s for s in metrics["slices"] if s["column"] == column]
        assert 0 < sum(s["rows"] for s in found) <= metrics["rows"]
    sources = {s["value"]: s["rows"] for s in metrics["slices"] if s["column"] == "source"}
    assert "rotten_tomatoes" in sources


def test_behaviour_is_counted(metrics):
    behaviour = metrics["behaviour"]
    assert behaviour["minimum_function"]["tried"] == 1
    assert behaviour["direction"]["tried"] == 20
    assert behaviour["invariance"]["doubled spaces"]["tried"] == 20


def test_tables_for_dvc_hold_the_same_numbers(evaluation, metrics):
    def table(name):
        with (evaluation / name).open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    counts = {(r["actual"], r["predicted"]): int(r["rows"]) for r in table("confusion.csv")}
    for i, actual in enumerate(metrics["labels"]):
        for j, predicted in enumerate(metrics["labels"]):
            assert counts.get((actual, predicted), 0) == metrics["confusion"][i][j]
    assert sum(int(row["rows"]) for row in table("reliability.csv")) == metrics["rows"]
    assert {row["label"] for row in table("roc.csv")} == {"positive"}


def test_the_same_evaluation_is_the_same_bytes(evaluation, dataset, bundle, tmp_path):
    again = evaluate(dataset, bundle, tmp_path / "again", SETTINGS)
    assert again.digest == read_manifest(evaluation).digest
    for name in ("metrics.json", "report.html", "predictions.parquet", *PLOTS):
        assert (tmp_path / "again" / name).read_bytes() == (evaluation / name).read_bytes()


def test_a_second_call_comes_from_the_cache(dataset, bundle, tmp_path, monkeypatch):
    monkeypatch.setenv("TAMIS_CACHE", str(tmp_path / "cache"))
    environment.cache_clear()
    settings = EvaluateSettings(bootstrap=100, behaviour_rows=0)
    first = evaluate(dataset, bundle, tmp_path / "first", settings)
    second = evaluate(dataset, bundle, tmp_path / "second", settings)
    assert second == first  # wall time and all
    other = evaluate(dataset, bundle, tmp_path / "third", SETTINGS)
    assert other.digest != first.digest


def test_a_damaged_bundle_is_not_scored(dataset, bundle, tmp_path):
    shutil.copytree(bundle, tmp_path / "damaged")
    with (tmp_path / "damaged" / "weights.safetensors").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(IntegrityError) as caught:
        evaluate(dataset, tmp_path / "damaged", tmp_path / "out", SETTINGS)
    assert caught.value.code == "corrupted"
    assert not (tmp_path / "out").exists()


def test_other_labels_are_refused(bundle, tmp_path):
    names = {"negative": "bad", "positive": "good"}
    rows = [(text, names[label], source) for text, label, source in reviews(60)]
    other = write_dataset(tmp_path / "data", split_rows(rows), ("bad", "good"))
    with pytest.raises(InputError) as caught:
        evaluate(other, bundle, tmp_path / "out", SETTINGS)
    assert caught.value.code == "label_mismatch"


def test_labels_in_another_order_change_nothing(bundle, tmp_path):
    splits = split_rows(reviews(200))
    settings = EvaluateSettings(bootstrap=100, behaviour_rows=0)
    found = [
        evaluate(
            write_dataset(tmp_path / order[0], splits, order),
            bundle,
            tmp_path / f"{order[0]}-evaluation",
            settings,
        ).facts["accuracy"]
        for order in (("negative", "positive"), ("positive", "negative"))
    ]
    assert found[0] == found[1]


def test_no_test_rows_are_an_error(bundle, tmp_path):
    splits = split_rows(reviews(40)) | {"test": []}
    data = write_dataset(tmp_path / "data", splits)
    with pytest.raises(InputError) as caught:
        evaluate(data, bundle, tmp_path / "out", SETTINGS)
    assert caught.value.code == "empty_split"


def test_no_validation_rows_are_none(bundle, tmp_path):
    splits = split_rows(reviews(80)) | {"validation": []}
    data = write_dataset(tmp_path / "data", splits)
    facts = evaluate(data, bundle, tmp_path / "out", SETTINGS).facts
    assert facts["validation"]["rows"] == 0


def test_what_is_no_bundle_is_refused(dataset, tmp_path):
    with publish(tmp_path / "tokens", "tokens"):
        pass
    with pytest.raises(InputError) as caught:
        evaluate(dataset, tmp_path / "tokens", tmp_path / "out", SETTINGS)
    assert caught.value.code == "wrong_kind"
