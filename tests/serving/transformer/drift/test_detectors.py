"""One suite over every detector, in the worker process that runs them."""

from dataclasses import replace

import numpy as np
import pytest

from components.drift.detectors.alibi import MMD_ROWS
from components.drift.detectors.table import DETECTORS
from components.drift.reference import Reference
from components.drift.window import Window
from tests.serving.transformer.drift.conftest import Worker
from tests.serving.transformer.drift.rows import made, made_reference

BATCH = {
    "own": {"features_mmd", "lengths_ks", "probabilities_ks", "labels_chi_square"},
    "alibi": {
        "features_lsdd",
        "features_mmd",
        "lengths_ks",
        "probabilities_ks",
        "labels_chi_square",
    },
}
CONCEPT = {"own": "errors_run", "alibi": "errors_fet"}


@pytest.fixture
def prepared(worker: Worker) -> Worker:
    worker.prepare(made_reference())
    return worker


def with_outcomes(window: Window, outcomes: list[bool]) -> Window:
    return replace(window, outcomes=np.array(outcomes, np.bool_))


def outcomes(errors: float, rows: int, seed: int = 3) -> list[bool]:
    return [bool(right) for right in np.random.default_rng(seed).random(rows) >= errors]


def test_the_suite_knows_every_detector(worker: Worker, prepared: Worker) -> None:
    found = prepared.score(with_outcomes(made(200, 1), outcomes(0.15, 100)))
    assert set(found) == BATCH[worker.detectors] | {CONCEPT[worker.detectors]}
    assert len(found) == len(DETECTORS[worker.detectors])


def test_every_detector_finds_a_shift(worker: Worker, prepared: Worker) -> None:
    found = prepared.score(made(300, 2, shift=0.5))
    assert set(found) == BATCH[worker.detectors]
    for name, score in found.items():
        assert score["significant"], name
        assert score["p_value"] <= 0.01, name
        sampled = worker.detectors == "alibi" and name == "features_mmd"
        assert score["rows"] == (MMD_ROWS if sampled else 300), name


def test_no_detector_finds_one_where_there_is_none(prepared: Worker) -> None:
    for seed in (11, 12, 13):
        for name, score in prepared.score(made(300, seed)).items():
            assert not score["significant"], (name, seed)
            assert 0.01 < score["p_value"] <= 1, (name, seed)


def test_a_window_is_scored_the_same_every_time(prepared: Worker) -> None:
    window = made(250, 4, shift=0.1)
    assert prepared.score(window) == prepared.score(window)


def test_order_of_rows_does_not_matter_to_significance(prepared: Worker) -> None:
    window = made(250, 4, shift=0.5)
    backwards = Window(
        window.features[::-1], window.probabilities[::-1], window.lengths[::-1], window.outcomes
    )
    there, back = prepared.score(window), prepared.score(backwards)
    assert {name: s["significant"] for name, s in there.items()} == {
        name: s["significant"] for name, s in back.items()
    }


@pytest.mark.parametrize("rows", [1, 2, 3, 20])
def test_tiny_windows_are_survived(prepared: Worker, rows: int) -> None:
    for score in prepared.score(made(rows, 5)).values():
        assert np.isfinite([score["score"], score["threshold"]]).all()
        assert not score["significant"]


def test_an_empty_window_has_nothing_to_score(prepared: Worker) -> None:
    assert prepared.score(made(0, 5)) == {}


def test_rows_of_no_numbers_are_left_out(prepared: Worker) -> None:
    window = made(300, 11)
    window.features[7, 3] = np.nan
    window.features[8, 3] = np.inf
    window.probabilities[9] = np.nan
    for name, score in prepared.score(window).items():
        assert not score["significant"], name
    window.features[:] = np.nan
    assert prepared.score(window) == {}


def constant(rows: int, value: float = 0.5) -> Window:
    return Window(
        np.full((rows, 8), value, np.float32),
        np.full((rows, 2), [1 - value / 2, value / 2], np.float32),
        np.full(rows, int(value * 40), np.int64),
        np.zeros(0, np.bool_),
    )


def test_constant_features_are_no_drift_and_another_constant_is(worker: Worker) -> None:
    same = constant(100)
    worker.prepare(
        Reference(same.features, same.probabilities, same.lengths, np.zeros(100, np.int32))
    )
    for name, score in worker.score(constant(100)).items():
        assert not score["significant"], name
    other = worker.score(constant(100, 0.75))
    for name in ("features_mmd", "lengths_ks", "probabilities_ks"):
        assert other[name]["significant"], name


def test_one_label_alone_can_be_predicted(worker: Worker, prepared: Worker) -> None:
    window = made(300, 11)
    window.probabilities[:] = [0.9, 0.1]
    assert prepared.score(window)["labels_chi_square"]["significant"]


def test_many_labels(worker: Worker) -> None:
    source = np.random.default_rng(1)

    def drawn(rows: int, first: float) -> Window:
        logits = source.normal(size=(rows, 40)).astype(np.float32)
        logits[:, 0] += first
        raised = np.exp(logits)
        return replace(made(rows, 3), probabilities=raised / raised.sum(axis=1, keepdims=True))

    reference = drawn(400, 0)
    worker.prepare(
        Reference(
            reference.features,
            reference.probabilities,
            reference.lengths,
            reference.predicted.astype(np.int32),
        )
    )
    quiet, moved = worker.score(drawn(300, 0)), worker.score(drawn(300, 1.5))
    for name in ("probabilities_ks", "labels_chi_square"):
        assert not quiet[name]["significant"]
        assert moved[name]["significant"]


def test_a_rise_of_errors_is_found_and_the_usual_rate_is_not(
    worker: Worker, prepared: Worker
) -> None:
    name = CONCEPT[worker.detectors]
    window = made(50, 1)
    quiet = prepared.score(with_outcomes(window, outcomes(0.1, 100)))[name]
    assert not quiet["significant"]
    assert quiet["rows"] == 100
    assert prepared.score(window)[name] == quiet  # nothing new, nothing forgotten
    raised = prepared.score(with_outcomes(window, outcomes(0.5, 60)))[name]
    assert raised["significant"]
    assert raised["rows"] == 160


def test_fewer_errors_are_no_alarm(worker: Worker, prepared: Worker) -> None:
    found = prepared.score(with_outcomes(made(50, 1), [True] * 500))
    assert not found[CONCEPT[worker.detectors]]["significant"]


@pytest.mark.parametrize("errors", [0.0, 1.0])
def test_a_reference_that_is_all_right_or_all_wrong_is_survived(
    worker: Worker, errors: float
) -> None:
    worker.prepare(made_reference(errors=errors))
    found = worker.score(with_outcomes(made(50, 1), [False] * 60))
    assert found[CONCEPT[worker.detectors]]["significant"] is (errors == 0.0)
