"""`tamis tune` from the outside: trials, runs in MLflow, a kill, going on, what is written."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.contract.errors import InputError
from pipelines.tune.cli import seconds_of
from pipelines.tune.study import alone

TAMIS = str(Path(sys.executable).with_name("tamis"))
pytestmark = pytest.mark.slow

PARAMS = """\
# Ours.
seed: 4
source: {{uri: {csv}, label_names: {{0: negative, 1: positive}}}}
tokenizers:
  bpe: {{strategy: bpe, vocab_size: 600}}
architectures:
  logistic:
    tokenizer: bpe
    hash_bits: 14
    alpha: 9.0  # far too much
"""


def command(*arguments: str) -> list[str]:
    return [TAMIS, "tune", "--architecture", "logistic", *arguments]


def tamis(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, reviews_csv: Path) -> Path:
    """A folder with parameters that are easily bettered."""
    made = tmp_path_factory.mktemp("tuned")
    (made / "params.yaml").write_text(PARAMS.format(csv=reviews_csv), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def first(folder: Path) -> dict[str, Any]:
    """The result of the first call."""
    done = tamis(folder, "--budget", "5m", "--trials", "4", "--json")
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 4
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def runs(folder: Path) -> dict[str, dict[str, Any]]:
    """MLflow's runs by name: status, tags, metrics, parameters."""
    found: dict[str, dict[str, Any]] = {}
    with sqlite3.connect(folder / ".tamis" / "mlflow.db") as database:
        for run, name, status in database.execute("select run_uuid, name, status from runs"):
            found[name] = {"id": run, "status": status}
            for kind, table in (("tags", "tags"), ("metrics", "metrics"), ("params", "params")):
                rows = database.execute(
                    f"select key, value from {table} where run_uuid = ?", (run,)
                )
                found[name][kind] = dict(rows.fetchall())
    return found


def test_something_better_is_found_and_nothing_is_written_unasked(
    folder: Path, first: dict[str, Any], reviews_csv: Path
) -> None:
    assert first["trials"]["complete"] + first["trials"]["pruned"] == 4
    assert first["current"]["changes"] == {}
    assert first["best"]["scores"]["accuracy"] > first["current"]["scores"]["accuracy"]
    assert first["written"] is False
    assert (folder / "params.yaml").read_text() == PARAMS.format(csv=reviews_csv)


def test_each_trial_is_a_run_under_one(folder: Path, first: dict[str, Any]) -> None:
    found = runs(folder)
    parent = found.pop("tune-logistic")
    assert parent["status"] == "FINISHED"
    best = first["best"]
    assert parent["metrics"]["best_accuracy"] == best["scores"]["accuracy"]
    assert set(found) == {"current", "trial-1", "trial-2", "trial-3"}
    assert {run["tags"]["mlflow.parentRunId"] for run in found.values()} == {parent["id"]}
    own = found[f"trial-{best['number']}"]
    assert own["status"] == "FINISHED"
    assert own["metrics"]["validation_accuracy"] == best["scores"]["accuracy"]
    assert own["metrics"]["look"] > 0
    assert own["params"].items() >= {k: str(v) for k, v in best["changes"].items()}.items()


def test_data_and_tokens_are_those_of_a_run(folder: Path, first: dict[str, Any]) -> None:
    cache = folder / ".tamis" / "cache"
    assert len(list((cache / "ingest").iterdir())) == 1
    assert len(list((cache / "tokenize").iterdir())) == 1
    left = [path.name for path in (folder / first["study"] / "trials").glob("*/*")]
    assert set(left) <= {"log.jsonl", "scores.json", "settings.json"}


def test_a_killed_search_goes_on(folder: Path, first: dict[str, Any]) -> None:
    process = subprocess.Popen(
        command("--trials", "40"), cwd=folder, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()  # a trial has ended; soon the next one runs
    log = folder / first["study"] / "trials" / "5" / "log.jsonl"
    until = time.monotonic() + 60
    while not log.exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    done = tamis(folder, "--trials", "2", "--write", "--json")
    assert done.returncode == 0, done.stderr
    second = json.loads(done.stdout)
    assert second["study"] == first["study"]
    assert second["current"] == first["current"]
    assert sum(second["trials"].values()) == 8, "four, one, the killed one, two"
    assert second["trials"]["failed"] == 1
    found = runs(folder)
    assert found["trial-5"]["status"] == "FAILED"
    again = found["trial-6"]["params"]
    assert again == found["trial-5"]["params"], "the killed trial's settings come first"
    assert found["tune-logistic"]["status"] == "FINISHED"
    assert second["written"] is True
    text = (folder / "params.yaml").read_text()
    assert text.startswith("# Ours.\nseed: 4\n")
    assert "# far too much" in text
    section = yaml.safe_load(text)["architectures"]["logistic"]
    assert section == {"tokenizer": "bpe", "hash_bits": 14, **second["best"]["changes"]}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--budget", "soon"), "bad_budget"),
        (("--architecture", "logistik"), "unknown_architecture"),
        (("--params", "no.yaml"), "not_found"),
    ],
    ids=["budget", "architecture", "params"],
)
def test_a_refusal_is_one_sentence(
    arguments: tuple[str, ...], code: str, tmp_path: Path, reviews_csv: Path
) -> None:
    (tmp_path / "params.yaml").write_text(PARAMS.format(csv=reviews_csv))
    done = tamis(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{code}: ")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / ".tamis").exists()


def test_what_can_never_work_ends_soon(tmp_path: Path, reviews_csv: Path) -> None:
    text = PARAMS.format(csv=reviews_csv)
    split = "ingest: {split: {train: 0.9, validation: 0.0, test: 0.1}}\n"
    (tmp_path / "params.yaml").write_text(text + split)
    done = tamis(tmp_path, "--budget", "10m")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("no_trial: no_validation: ")
    assert done.stdout.count("\n") == 5


@pytest.mark.parametrize(
    ("budget", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7_200)]
)
def test_budgets(budget: str, seconds: float) -> None:
    assert seconds_of(budget) == seconds


@pytest.mark.parametrize("budget", ["", "0s", "-1m", "1d", "nan", "1e9h"])
def test_what_is_no_budget(budget: str) -> None:
    with pytest.raises(InputError, match="is no time"):
        seconds_of(budget)


def test_a_study_is_for_one_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path / "study"), pytest.raises(InputError) as raised, alone(tmp_path / "study"):
        pass
    assert raised.value.code == "study_busy"
    with alone(tmp_path / "study"):
        assert [file.name for file in (tmp_path / "study").iterdir()] == ["lock"]
