from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from components.drift.reference import Reference, reference_of
from components.drift.settings import DetectorSettings
from components.drift.stream import Stream
from components.drift.verdict import Diagnosis, Verdict
from components.drift.watch import Watch
from tests.drift.made import outcomes, reference, stream, times


def watch(seed: int = 13, own: Reference | None = None) -> Watch:
    return Watch(own or reference(), DetectorSettings(seed=seed))


def active(diagnosis: Diagnosis) -> set[str]:
    return {verdict.kind for verdict in diagnosis.kinds if verdict.active}


def verdict(diagnosis: Diagnosis, kind: str) -> Verdict:
    return next(verdict for verdict in diagnosis.kinds if verdict.kind == kind)


def test_nothing_is_said_of_nothing() -> None:
    diagnosis = watch().diagnosis()
    assert active(diagnosis) == set()
    assert diagnosis.cause == ""
    assert diagnosis.accuracy is None
    assert all(v.rows == 0 and v.size == 0 and v.since is None for v in diagnosis.kinds)


def test_clean_streams_stay_quiet() -> None:
    alarms = 0
    for seed in range(20):
        # Each with a reference of its own: that is what the promise is about.
        quiet = watch(seed, reference(300, seed + 500))
        quiet.tell(stream(2_000, seed + 100), times(2_000))
        quiet.tell_outcomes(outcomes(500, seed, 0.1), times(500))
        alarms += any(test.alarms for test in quiet.tests.values())
    assert alarms <= 2  # one stream in a hundred, at most; three of twenty: one in a thousand


def test_other_texts_are_input_drift() -> None:
    watched = watch()
    watched.tell(stream(300, 1), times(300))
    watched.tell(stream(300, 2, shift=1.0), times(300, 300))
    diagnosis = watched.diagnosis()
    assert "input" in active(diagnosis)
    assert diagnosis.cause == "covariate"
    told = verdict(diagnosis, "input")
    assert told.since is not None
    assert 290 <= told.since <= 305
    assert told.size > 0.3
    assert told.evidence >= told.threshold
    assert told.aspects[0].gap >= told.aspects[-1].gap
    assert {a.aspect for a in told.aspects if a.alarmed} & {"length", "features_1"}


def test_another_mix_of_labels_is_prediction_drift_alone() -> None:
    watched = watch()
    watched.tell(stream(800, 3, positive=0.8), times(800))
    diagnosis = watched.diagnosis()
    assert active(diagnosis) == {"prediction"}
    assert diagnosis.cause == "label_mix"
    label = next(
        a for a in verdict(diagnosis, "prediction").aspects if a.aspect == "label positive"
    )
    assert label.before == pytest.approx(0.5, abs=0.1)
    assert label.after == pytest.approx(0.8, abs=0.1)


def test_more_errors_are_concept_drift_alone() -> None:
    watched = watch()
    watched.tell(stream(400, 4), times(400))
    watched.tell_outcomes(outcomes(400, 5, 0.3), times(400))
    diagnosis = watched.diagnosis()
    assert active(diagnosis) == {"concept"}
    assert diagnosis.cause == "concept"
    errors = verdict(diagnosis, "concept").aspects[0]
    assert errors.before == pytest.approx(0.1, abs=0.05)
    assert errors.after == pytest.approx(0.3, abs=0.1)


def test_fewer_errors_are_none() -> None:
    watched = watch()
    watched.tell_outcomes(np.ones(2_000, np.bool_), times(2_000))
    assert active(watched.diagnosis()) == set()


def test_a_drift_is_held_and_then_over() -> None:
    watched = watch()
    watched.tell(stream(300, 2, shift=1.0), times(300))
    assert "input" in active(watched.diagnosis())
    watched.tell(stream(300, 6), times(300))
    assert "input" in active(watched.diagnosis())
    watched.tell(stream(1_000, 7), times(1_000))
    over = verdict(watched.diagnosis(), "input")
    assert not over.active
    assert over.since is None
    assert over.size == 0
    watched.tell(stream(300, 8, shift=1.0), times(300, 5_000))
    again = verdict(watched.diagnosis(), "input")
    assert again.active
    assert again.since is not None
    assert again.since >= 4_990


def test_another_watch_goes_on_where_one_was() -> None:
    one, other = watch(), watch()
    one.tell(stream(300, 1), times(300))
    other.restore({name: array.copy() for name, array in one.state().items()})
    for watched in (one, other):
        watched.tell(stream(200, 2, shift=0.3), times(200, 300))
        watched.tell_outcomes(outcomes(100, 2, 0.3), times(100))
    for mine, theirs in zip(one.diagnosis().kinds, other.diagnosis().kinds, strict=True):
        # The mix of labels is told of the newest rows alone, which are not handed on.
        moved = [[a for a in v.aspects if not a.aspect.startswith("label")] for v in (mine, theirs)]
        assert moved[0] == moved[1]
        assert replace(mine, aspects=()) == replace(theirs, aspects=())


def test_a_state_of_another_reference_is_refused() -> None:
    wider = stream(500, 0)
    labels = np.zeros(500, np.int32)
    three = np.concatenate([wider.probabilities / 2, np.full((500, 1), 0.5)], axis=1)
    other = watch(own=Reference(wider.features, three.astype("f4"), wider.lengths, labels))
    with pytest.raises(ValueError, match="other aspects"):
        other.restore(watch().state())


def test_rows_of_no_numbers_are_left_out() -> None:
    watched = watch()
    broken = stream(300, 1)
    broken.features[7, 3] = np.nan
    broken.probabilities[8] = np.inf
    watched.tell(broken, times(300))
    assert verdict(watched.diagnosis(), "input").rows == 298
    assert active(watched.diagnosis()) == set()


def test_a_bundle_without_marks_is_watched_too() -> None:
    kept = reference()
    old = Reference(kept.features, kept.probabilities, kept.lengths, kept.labels)
    watched = watch(own=reference_of(old.arrays(), "old"))
    plain = stream(300, 2, shift=1.0)
    watched.tell(Stream(plain.features, plain.probabilities, plain.lengths, None), times(300))
    told = verdict(watched.diagnosis(), "input")
    assert told.active
    assert "unknown_words" not in {aspect.aspect for aspect in told.aspects}


def test_the_order_of_telling_does_not_matter_to_what_is_found() -> None:
    whole, parts = watch(), watch()
    shifted = stream(400, 2, shift=0.5)
    whole.tell(shifted, times(400))
    for start in range(0, 400, 40):
        part = slice(start, start + 40)
        parts.tell(shifted.take(part), times(40, start))
    assert active(whole.diagnosis()) == active(parts.diagnosis())


@pytest.mark.parametrize("labels", [1, 3, 40])
def test_any_number_of_labels(labels: int) -> None:
    def drawn(seed: int, first: float) -> Stream:
        made = stream(600, seed)
        logits = np.random.default_rng(seed).normal(size=(600, labels))
        logits[:, 0] += first
        raised = np.exp(logits)
        probabilities = (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)
        return Stream(made.features, probabilities, made.lengths, None)

    base = drawn(0, 0)
    own = Reference(
        base.features, base.probabilities, base.lengths, base.predicted.astype(np.int32)
    )
    quiet, moved = watch(own=own), watch(own=own)
    quiet.tell(drawn(1, 0), times(600))
    moved.tell(drawn(2, 3.0), times(600))
    assert active(quiet.diagnosis()) == set()
    if labels > 1:
        assert "prediction" in active(moved.diagnosis())


def test_constant_rows_are_no_drift_and_another_constant_is() -> None:
    def constant(rows: int, value: float) -> Stream:
        return Stream(
            np.full((rows, 4), value, np.float32),
            np.full((rows, 2), [0.25, 0.75], np.float32),
            np.full(rows, 20, np.int64),
            None,
        )

    base = constant(200, 0.5)
    own = Reference(base.features, base.probabilities, base.lengths, np.ones(200, np.int32))
    quiet, moved = watch(own=own), watch(own=own)
    quiet.tell(constant(300, 0.5), times(300))
    moved.tell(constant(300, 0.75), times(300))
    assert active(quiet.diagnosis()) == set()
    assert active(moved.diagnosis()) == {"input"}
