"""`dvc.yaml`: the same stages under DVC, run for real on a few rows."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.contract.artifact import verify
from tests.conftest import ROOT, reviews, write_csv

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]
ARCHITECTURES = tuple(yaml.safe_load((ROOT / "params.yaml").read_text())["architectures"])
DATASET = {"ingest"}
TOKENS = {"tokenize@bpe", "tokenize@wordpiece"}
TRAINED = {f"train@{name}" for name in ARCHITECTURES}
EVALUATED = {f"evaluate@{name}" for name in ARCHITECTURES}
ALL = DATASET | TOKENS | TRAINED | EVALUATED | {"register"}


def call(folder: Path, *command: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path) -> Path:
    """A DVC repository with this project's code and small parameters, reproduced once."""
    folder = tmp_path_factory.mktemp("dvc") / "repository"
    folder.mkdir()
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "components", folder / "components", ignore=ignore)
    for name in ("dvc.yaml", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, folder / name)
    write_csv(folder / "reviews.csv", reviews(each=300))
    document = yaml.safe_load((ROOT / "params.yaml").read_text())
    document["source"] = {"uri": "reviews.csv", "label_names": {0: "negative", 1: "positive"}}
    document["tokenizers"]["bpe"]["vocab_size"] = 1000
    document["tokenizers"]["wordpiece"]["encoder"] = str(tiny_encoder)
    document["architectures"] = {
        "logistic": {"tokenizer": "bpe", "hash_bits": 16},
        "lstm": {"tokenizer": "wordpiece", "epochs": 1, "max_tokens": 30},
        "bert": {"tokenizer": "wordpiece", "encoder": str(tiny_encoder), "max_tokens": 30},
    }
    document["evaluate"]["bootstrap"] = 100
    document["register"]["floor"] = 0.3
    (folder / "params.yaml").write_text(yaml.safe_dump(document))
    call(folder, "git", "init", "-q")
    call(folder, "dvc", "init", "-q", "--force")
    shutil.copy(ROOT / ".dvcignore", folder)  # init writes its own
    call(folder, "dvc", "config", "core.analytics", "false")
    call(folder, "dvc", "repro")
    return folder


def ran(output: str) -> set[str]:
    return set(re.findall(r"Running stage '([^']+)'", output))


def would_run(folder: Path) -> set[str]:
    """The stages that a change may run again: those it touches and all behind them."""
    again = ran(call(folder, "dvc", "repro", "--dry"))
    edges = re.findall(r'"([^"]+)" -> "([^"]+)"', call(folder, "dvc", "dag", "--dot"))
    while more := {after for before, after in edges if before in again} - again:
        again |= more
    return again


def test_the_graph_ends_in_a_registration(repository: Path) -> None:
    verify(repository / "data" / "registration", "registration")
    assert (repository / ".tamis" / "mlflow.db").exists()
    assert would_run(repository) == set()


def test_metrics_and_plots_are_readable(repository: Path) -> None:
    shown = call(repository, "dvc", "metrics", "show", "--json")
    for name in ARCHITECTURES:
        assert f"data/metrics/{name}.json" in shown
    call(repository, "dvc", "plots", "show", "--out", "plots")
    html = (repository / "plots" / "index.html").read_text()
    assert "reliability" in html
    assert "confusion" in html


# One line a change: the parameter, the stages that it touches and all behind them.
CHANGES: list[tuple[str, Callable[[dict[str, Any]], Any], set[str]]] = [
    ("source", lambda p: p["source"].update(slices=[], where={"label": "1"}), ALL),
    ("ingest", lambda p: p["ingest"].update(max_characters=90), ALL),
    ("tokenizers.bpe", lambda p: p["tokenizers"]["bpe"].update(vocab_size=900),
     {"tokenize@bpe", "train@logistic", "evaluate@logistic", "register"}),
    ("architectures.lstm", lambda p: p["architectures"]["lstm"].update(epochs=2),
     {"train@lstm", "evaluate@lstm", "register"}),
    ("architectures.bert", lambda p: p["architectures"]["bert"].update(epochs=2),
     {"train@bert", "evaluate@bert", "register"}),
    ("evaluate", lambda p: p["evaluate"].update(bootstrap=120), EVALUATED | {"register"}),
    ("register", lambda p: p["register"].update(floor=0.4), {"register"}),
    ("seed", lambda p: p.update(seed=14), TRAINED | EVALUATED | {"register"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "again"), CHANGES, ids=[c[0] for c in CHANGES])
def test_only_what_depends_on_a_change_runs_again(
    repository: Path, name: str, change: Callable[[dict[str, Any]], Any], again: set[str]
) -> None:
    file = repository / "params.yaml"
    before = file.read_text()
    document = yaml.safe_load(before)
    change(document)
    file.write_text(yaml.safe_dump(document))
    try:
        assert would_run(repository) == again
    finally:
        file.write_text(before)


def test_repro_runs_what_changed_and_nothing_else(repository: Path) -> None:
    file = repository / "params.yaml"
    document = yaml.safe_load(file.read_text())
    document["architectures"]["logistic"]["epochs"] = 2
    file.write_text(yaml.safe_dump(document))
    done = ran(call(repository, "dvc", "repro"))
    assert done == {"train@logistic", "evaluate@logistic", "register"}
    assert ran(call(repository, "dvc", "repro")) == set()


def test_a_stages_code_is_its_dependency(repository: Path) -> None:
    file = repository / "components" / "train_lstm" / "settings.py"
    before = file.read_text()
    file.write_text(before + "\n")
    try:
        assert would_run(repository) == {"train@lstm", "evaluate@lstm", "register"}
    finally:
        file.write_text(before)


def test_what_reruns_to_the_same_content_stops_there(repository: Path) -> None:
    file = repository / "components" / "ingest" / "labels.py"
    before = file.read_text()
    file.write_text(before + "\n")
    try:
        assert ran(call(repository, "dvc", "repro")) == {"ingest"}
    finally:
        file.write_text(before)
        call(repository, "dvc", "repro")


def test_data_and_bundles_travel_by_a_remote(repository: Path, tmp_path: Path) -> None:
    call(repository, "dvc", "remote", "add", "--force", "-d", "store", str(tmp_path / "remote"))
    call(repository, "dvc", "push")
    other = tmp_path / "other"
    shutil.copytree(repository, other, ignore=shutil.ignore_patterns("data", "cache", "tmp"))
    call(other, "dvc", "pull")
    before = verify(repository / "data/bundles/lstm", "bundle")
    pulled = verify(other / "data/bundles/lstm", "bundle")
    assert (pulled.digest, pulled.files) == (before.digest, before.files)
    assert verify(other / "data/dataset", "dataset").facts["labels"] == ["negative", "positive"]


def test_every_architecture_of_the_parameters_has_its_stages() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert set(stages["train"]["foreach"]) == set(ARCHITECTURES)
    assert set(stages["evaluate"]["foreach"]) == set(ARCHITECTURES)
    for name in ARCHITECTURES:
        assert f"--candidate {name}=" in stages["register"]["cmd"]
