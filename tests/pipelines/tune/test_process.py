"""A trial's process: what it reaches, how it ends early, what it says of its end."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from components.catalogue import open_classifier
from components.contract.tokens import Tokens
from components.training.finish import score_validation
from pipelines.tune.process import Outcome, run_trial

SETTINGS = {"hash_bits": 14, "epochs": 3, "seed": 1}


def trial(
    data: tuple[Path, Path], folder: Path, seconds: float = 100, **settings: object
) -> Outcome:
    def watch(number: int, score: float) -> bool:
        return False

    chosen = {**SETTINGS, **settings}
    return run_trial("logistic", chosen, data, folder, folder / "kept", seconds, watch)


@pytest.fixture(scope="module")
def data(dataset: Path, tokens: Path) -> tuple[Path, Path]:
    return dataset, tokens


def test_scores_are_of_the_validation_rows(data: tuple[Path, Path], tmp_path: Path) -> None:
    outcome = trial(data, tmp_path)
    assert outcome.state == "complete"
    _, classifier = open_classifier(tmp_path / "bundle")
    found = score_validation(classifier, Tokens.open(data[1]))
    predicted = found.logits.argmax(axis=1)
    right = float((predicted == found.labels).mean())
    assert outcome.scores["accuracy"] == pytest.approx(right, abs=1e-6)
    f1 = [
        2 * ((predicted == k) & (found.labels == k)).sum()
        / ((predicted == k).sum() + (found.labels == k).sum())
        for k in (0, 1)
    ]  # fmt: skip
    assert outcome.scores["macro_f1"] == pytest.approx(sum(f1) / 2, abs=1e-6)
    assert outcome.scores["rows"] == Tokens.open(data[1]).rows("validation") == len(found.labels)
    # The last look is at the same weights, before they are rounded to float32.
    assert sorted(outcome.looks) == [1, 2, 3]
    assert outcome.looks[3] == pytest.approx(right, abs=0.02)
    events = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert sum(event["event"] == "evaluated" for event in events) == 3


def test_it_is_given_up_at_the_look_that_says_so(data: tuple[Path, Path], tmp_path: Path) -> None:
    outcome = run_trial(
        "logistic", {**SETTINGS, "epochs": 100_000}, data, tmp_path, tmp_path / "kept", 100,
        lambda number, score: number == 2,
    )  # fmt: skip
    assert outcome.state == "pruned"
    assert sorted(outcome.looks) == [1, 2]
    assert outcome.scores == {}


def test_time_ends_it(data: tuple[Path, Path], tmp_path: Path) -> None:
    started = time.monotonic()
    outcome = trial(data, tmp_path, 0.5, epochs=100_000)
    assert outcome.state == "stopped"
    assert time.monotonic() - started < 60


def test_a_failure_is_told(data: tuple[Path, Path], tmp_path: Path) -> None:
    outcome = trial(data, tmp_path, ngrams=7)
    assert outcome.state == "failed"
    assert outcome.reason == "bad_parameter: ngrams must be between 1 and 5."


def test_a_process_that_says_nothing_has_failed_too(
    data: tuple[Path, Path], tmp_path: Path
) -> None:
    outcome = trial((data[0], tmp_path), tmp_path / "trial")
    assert outcome.state == "failed"
    assert outcome.reason.startswith("not_found: ")


@pytest.mark.slow
def test_a_network_tells_each_epoch_and_leaves_its_checkpoint(
    data: tuple[Path, Path], tmp_path: Path
) -> None:
    settings = {
        "epochs": 3, "embedding": 8, "hidden": 8, "max_tokens": 16, "patience": 9,
        "checkpoint_seconds": 0.0, "seed": 1,
    }  # fmt: skip
    kept = tmp_path / "kept"
    first = run_trial(
        "lstm", settings, data, tmp_path / "1", kept, 300, lambda number, score: number == 1
    )
    assert first.state == "pruned"
    assert sorted(first.looks) == [1]
    assert list(kept.glob("*/latest/manifest.json"))
