from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.contract import logs
from components.register.register import Candidate
from components.register.settings import RegisterSettings
from components.registry.aliases import Registry
from tests.evaluate.published import reviews, split_rows, train_bundle, write_dataset

MARKERS = {"negative": "a dreadful bore", "positive": "a superb delight"}
SETTINGS = RegisterSettings(floor=0.4)


@dataclass(frozen=True)
class Trained:
    """A dataset with two models trained on it, one of which learned nothing."""

    dataset: Path
    strong: Candidate
    weak: Candidate


def marked_reviews(count):
    """Real sentences, most of which say plainly what they think: a small model can learn that."""
    rows = []
    for number, (text, label, source) in enumerate(reviews(count)):
        marker = MARKERS[label] if number % 8 else ""
        rows.append((f"{text} {marker}".strip(), label, source))
    return rows


def candidate(dataset, folder, **settings):
    from components.evaluate.evaluate import evaluate
    from components.evaluate.settings import EvaluateSettings

    bundle = train_bundle(dataset, folder / "bundle", **settings)
    chosen = EvaluateSettings(bootstrap=100, behaviour_rows=10)
    evaluate(dataset, bundle, folder / "evaluation", chosen)
    return Candidate(bundle, folder / "evaluation")


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    dataset = write_dataset(folder / "dataset", split_rows(marked_reviews(500)))
    return Trained(
        dataset,
        candidate(dataset, folder / "strong"),
        candidate(dataset, folder / "weak", min_rows=250, epochs=1),
    )


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """MLflow's tables without a row: making them takes seconds, copying the file none."""
    from components.register.tracking import Tracking

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    Tracking(Registry(f"sqlite:///{path}", "tamis"), "tamis").version_of("none")
    return path


@pytest.fixture
def registry(empty_database, tmp_path):
    database = tmp_path / ".tamis" / "mlflow.db"
    database.parent.mkdir()
    shutil.copyfile(empty_database, database)
    return Registry(f"sqlite:///{database}", "tamis")


@pytest.fixture(autouse=True)
def own_log():
    """A door that configures logging leaves no handler on a stream that pytest will close."""
    handlers, propagate = list(logs.LOGGER.handlers), logs.LOGGER.propagate
    yield
    logs.LOGGER.handlers[:], logs.LOGGER.propagate = handlers, propagate
