from __future__ import annotations

import json

import pytest

from components.contract.artifact import read_manifest
from components.contract.errors import InputError
from components.register.register import Candidate, register
from components.registry.aliases import Version
from tests.evaluate.published import split_rows, write_dataset
from tests.register.conftest import SETTINGS, candidate, marked_reviews

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")


@pytest.fixture
def stage(trained, registry, tmp_path):
    """Registers one candidate of the trained dataset and gives the published facts."""

    def call(chosen, out="registration", **changes):
        arguments = {"registry": registry, **changes}
        return register(
            trained.dataset, {"logistic": chosen}, tmp_path / out, SETTINGS, **arguments
        ).facts

    return call


def client(registry):
    from mlflow import MlflowClient

    return MlflowClient(registry.uri, registry.uri)


def test_the_first_model_becomes_champion(stage, trained, registry, tmp_path):
    facts = stage(trained.strong, run_id="run-1")
    digest = read_manifest(trained.strong.bundle).digest
    assert facts["versions"] == {"logistic": "1"}
    assert facts["champion"] == facts["challenger"]
    assert facts["champion"] == {
        "version": "1",
        "architecture": "logistic",
        "bundle_digest": digest,
    }
    assert facts["decision"]["outcome"] == "promoted"
    version = client(registry).get_model_version_by_alias("tamis", "champion")
    assert version.tags["kfp_run_id"] == "run-1"
    assert version.tags["gate"] == "promoted"
    assert version.tags["data_digest"] == read_manifest(trained.dataset).digest
    assert {"architecture", "git_revision", "tamis_version"} <= set(version.tags)
    decision = json.loads((tmp_path / "registration" / "decision.json").read_text())
    assert decision["reason"] == facts["decision"]["reason"] == version.tags["gate_reason"]


def test_the_run_holds_settings_epochs_and_plots(stage, trained, registry):
    stage(trained.strong)
    mlflow = client(registry)
    version = mlflow.get_model_version("tamis", "1")
    run = mlflow.get_run(version.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["epochs"] == "3"
    metrics = json.loads((trained.strong.evaluation / "metrics.json").read_text())
    assert run.data.metrics["test_accuracy"] == metrics["accuracy"]
    assert run.data.metrics["validation_macro_f1"] == metrics["validation"]["macro_f1"]
    history = json.loads((trained.strong.bundle / "history.json").read_text())
    logged = mlflow.get_metric_history(version.run_id, "progressive_accuracy")
    expected = {
        row["epoch"]: row["progressive_accuracy"] for row in history if row["progressive_accuracy"]
    }
    assert {point.step: point.value for point in logged} == expected
    names = {file.path for file in mlflow.list_artifacts(version.run_id)}
    assert {"confusion.png", "reliability.png", "roc.png", "report.html"} <= names
    assert {"metrics.json", "decision.json", "model"} <= names


def test_a_second_run_adds_no_second_version(stage, trained, registry):
    stage(trained.strong)
    again = stage(trained.strong)
    assert again["decision"]["outcome"] == "unchanged"
    assert again["versions"] == {"logistic": "1"}
    assert len(client(registry).search_model_versions("name = 'tamis'")) == 1
    assert registry.resolve("champion").tags["gate"] == "promoted"


def test_each_run_finds_its_own_decision(stage, trained, registry):
    stage(trained.strong, run_id="run-1")
    assert registry.resolve("champion").decision_of("run-1")[0] == "promoted"
    stage(trained.strong, run_id="run-2")
    again = registry.resolve("challenger")
    outcome, reason = again.decision_of("run-2")
    assert outcome == "unchanged"
    assert reason
    assert again.decision_of("run-1") is None
    assert again.tags["gate"] == "promoted"
    stage(trained.weak, run_id="run-3")
    assert registry.resolve("challenger").decision_of("run-3")[0] == "refused"
    assert registry.resolve("champion").decision_of("run-2")[0] == "unchanged"


def test_a_better_model_replaces_the_champion_and_a_worse_one_does_not(stage, trained, registry):
    stage(trained.weak)
    better = stage(trained.strong)
    assert better["decision"]["outcome"] == "promoted"
    assert better["champion"]["version"] == "2"
    worse = stage(trained.weak)
    assert worse["decision"]["outcome"] == "refused"
    assert "not better" in worse["decision"]["reason"]
    assert worse["champion"]["version"] == registry.resolve("champion").number == "2"
    assert registry.resolve("challenger").number == "1"


def test_a_model_below_the_floor_is_registered_and_not_promoted(trained, registry, tmp_path):
    from components.register.settings import RegisterSettings

    facts = register(
        trained.dataset,
        {"logistic": trained.weak},
        tmp_path / "out",
        RegisterSettings(floor=0.95),
        registry=registry,
    ).facts
    assert facts["champion"] is None
    assert facts["decision"]["promote"] is False
    assert registry.resolve("champion") is None
    assert registry.resolve("challenger").number == "1"


def test_a_champion_trained_on_the_test_rows_is_not_compared(stage, trained, registry, tmp_path):
    rows = marked_reviews(500)
    other = write_dataset(tmp_path / "other", split_rows(rows, "another"), salt="another")
    old = candidate(other, tmp_path / "old", epochs=1)
    register(other, {"logistic": old}, tmp_path / "first", SETTINGS, registry=registry)
    facts = stage(trained.strong)
    assert facts["decision"]["outcome"] == "refused"
    assert "split rule" in facts["decision"]["reason"]
    assert facts["champion"]["version"] == "1"


def test_a_candidate_of_another_run_is_refused(stage, trained):
    mixed = Candidate(trained.strong.bundle, trained.weak.evaluation)
    with pytest.raises(InputError) as caught:
        stage(mixed)
    assert caught.value.code == "mismatched_candidate"
    assert "evaluated bundle" in caught.value.message


def test_no_candidate_is_an_error(trained, registry, tmp_path):
    with pytest.raises(InputError) as caught:
        register(trained.dataset, {}, tmp_path / "out", SETTINGS, registry=registry)
    assert caught.value.code == "no_candidates"


def test_the_quick_reader_agrees_with_mlflow(stage, trained, registry):
    assert registry.resolve("champion") is None
    before = registry.fingerprint()
    stage(trained.strong)
    for alias in ("champion", "challenger"):
        theirs = client(registry).get_model_version_by_alias("tamis", alias)
        assert registry.resolve(alias) == Version(str(theirs.version), dict(theirs.tags))
    assert registry.resolve("nobody") is None
    assert registry.fingerprint() != before
