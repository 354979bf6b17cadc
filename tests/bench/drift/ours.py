"""The sequential tests on streams."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.drift.accuracy import AccuracyEstimator
from components.drift.reference import Reference
from components.drift.settings import DetectorSettings
from components.drift.verdict import Diagnosis
from components.drift.watch import Watch
from tests.bench.drift.materials import Materials, Pool
from tests.bench.drift.streams import (
    CLEAN_ROWS,
    INCIDENT_BEFORE,
    INCIDENT_LABELS,
    KINDS,
    chance,
    drawn,
    incident,
    labelled,
    mixed,
    shifted,
)


@dataclass(frozen=True)
class Alarms:
    """The text with which each kind was first said, from 1; 0 for never.

    Attributes:
        input: Texts.
        prediction: Texts.
        concept: Pieces of feedback.
    """

    input: int
    prediction: int
    concept: int

    @property
    def any(self) -> bool:
        return bool(self.input or self.prediction or self.concept)


def told(
    reference: Reference, pool: Pool, wrong: np.ndarray | None, number: int
) -> tuple[Alarms, Diagnosis]:
    """Tell a new watch a stream, and feedback on `wrong`."""
    watch = Watch(reference, DetectorSettings(seed=number))
    watch.tell(pool.stream, np.arange(len(pool), dtype=np.float64))
    if wrong is not None:
        watch.tell_outcomes(~wrong, np.arange(len(wrong), dtype=np.float64))
    firsts = [test.first_alarm for test in watch.tests.values()]
    return Alarms(*firsts), watch.diagnosis()


def clean(made: Materials, streams: int) -> list[Alarms]:
    """Streams without drift, each text with feedback."""
    found = []
    for number in range(streams):
        pool = drawn(chance(number), made.pools["imdb"], CLEAN_ROWS)
        found.append(told(made.reference, pool, pool.wrong, number)[0])
    return found


def redrawn(made: Materials, streams: int) -> list[Alarms]:
    """Streams without drift, each with a reference of its own: half of the held-out rows."""
    rows = len(made.reference.labels)
    found = []
    for number in range(streams):
        imdb, g = made.pools["imdb"], chance(50_000 + number)
        order = g.permutation(len(imdb))
        own, rest = imdb.take(order[:rows]), imdb.take(order[rows:])
        reference = Reference(
            own.stream.features,
            own.stream.probabilities,
            own.stream.lengths,
            own.labels,
            own.stream.marks,
            made.reference.vocabulary,
            made.reference.names,
        )
        # Not drawn with replacement: rows that no one has seen before, as many as there are.
        found.append(told(reference, rest, rest.wrong, number)[0])
    return found


def other_source(made: Materials, number: int) -> Pool:
    return drawn(chance(1_000 + number), made.pools["rotten_tomatoes"], 500)


def tenth(made: Materials, number: int) -> Pool:
    imdb, other = made.pools["imdb"], made.pools["rotten_tomatoes"]
    return mixed(chance(2_000 + number), imdb, other, 0.1, 2_000)


def label_mix(made: Materials, number: int) -> Pool:
    return labelled(chance(3_000 + number), made.pools["imdb"], 0.8, 1_000)


def noise(made: Materials, number: int) -> Alarms:
    """Feedback with 10 % errors, then 25 %; the alarm is counted from the change."""
    g, before, after = chance(4_000 + number), 400, 400
    wrong = np.concatenate([g.random(before) < 0.1, g.random(after) < 0.25])
    pool = drawn(g, made.pools["imdb"], before + after)
    alarms, _ = told(made.reference, pool, wrong, number)
    early = 0 < alarms.concept <= before
    return Alarms(
        alarms.input,
        alarms.prediction,
        -1 if early else alarms.concept and alarms.concept - before,
    )


def incidents(made: Materials, each: int) -> dict[str, list[str]]:
    """What each kind of incident was called."""
    called: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for place, kind in enumerate(KINDS):
        for number in range(each):
            g = chance(5_000 + 100 * place + number)
            before = drawn(g, made.pools["imdb"], INCIDENT_BEFORE)
            after, wrong = incident(g, made, kind)
            feedback = np.concatenate([before.wrong[:INCIDENT_LABELS], wrong[:INCIDENT_LABELS]])
            _, diagnosis = told(made.reference, before.with_(after), feedback, number)
            called[kind].append(diagnosis.cause or "nothing")
    return called


def coverage(made: Materials) -> dict[str, list[tuple[float, float, float, float]]]:
    """Of each kind of shifted window: accuracy, estimate and interval."""
    estimator = AccuracyEstimator(made.reference)
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    for name, pool in shifted(made):
        guess = estimator.estimate(pool.stream.probabilities, pool.stream.lengths)
        assert guess is not None
        accuracy = 1 - float(pool.wrong.mean())
        found.setdefault(name, []).append((accuracy, guess.estimate, guess.lower, guess.upper))
    return found
