"""Everything that is watched of one bundle's stream, put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.drift.accuracy import AccuracyEstimator
from components.drift.aspects import (
    BINS,
    ConceptAspects,
    InputAspects,
    PredictionAspects,
    place,
)
from components.drift.detectors.detector import Kind
from components.drift.moved import moved_aspects, moved_labels
from components.drift.reference import Reference
from components.drift.sequential import Patience, SequentialTest
from components.drift.settings import DetectorSettings
from components.drift.stream import Stream
from components.drift.terms import Terms
from components.drift.verdict import Diagnosis, Verdict, cause_of

FEEDBACK = Patience(rest=20, quiet=400)
"""Feedback is rarer than texts."""
NEWEST = 500
"""Rows that the estimate of accuracy is about, and gaps while there is no drift."""

Arrays = dict[str, npt.NDArray[Any]]


class Watch:
    """The sequential tests of one bundle's texts, answers and feedback.

    Args:
        reference: What they are compared with.
        settings: `alpha` is shared out among the three kinds; `seed`.
    """

    def __init__(self, reference: Reference, settings: DetectorSettings) -> None:
        self._reference = reference
        self._input, self._prediction = InputAspects(reference), PredictionAspects(reference)
        concept = ConceptAspects(reference)
        alpha, seed = settings.alpha / 3, settings.seed
        self.tests: dict[Kind, SequentialTest] = {
            "input": SequentialTest(self._input.aspects, alpha, seed),
            "prediction": SequentialTest(self._prediction.aspects, alpha, seed + 1),
            "concept": SequentialTest(concept.aspects, alpha, seed + 2, True, FEEDBACK),
        }
        self._estimator = AccuracyEstimator(reference)
        self._terms = Terms(reference.vocabulary)
        self._newest = reference.stream().take(slice(0, 0))

    def tell(
        self,
        stream: Stream,
        times: npt.NDArray[np.float64],
        words: Iterable[Sequence[str]] = (),
    ) -> None:
        """Take texts and their answers into account.

        Args:
            stream: n answered texts in their order; with marks where the reference has marks.
            times: (n,) when they came, seconds since 1970, UTC.
            words: The words of each text, if known.
        """
        sound = np.isfinite(stream.features).all(axis=1)
        sound &= np.isfinite(stream.probabilities).all(axis=1)
        if not sound.all():
            stream, times = stream.take(sound), times[sound]
        if not len(stream):
            return
        for source, test in (
            (self._input, self.tests["input"]),
            (self._prediction, self.tests["prediction"]),
        ):
            bins = place(source.values(stream), source.aspects.edges)
            test.tell(bins, source.categories(stream), times)
        self._terms.tell(words)
        self._newest = self._newest.joined(stream, NEWEST)

    def tell_outcomes(self, right: npt.NDArray[np.bool_], times: npt.NDArray[np.float64]) -> None:
        """Take feedback into account.

        Args:
            right: (m,) whether predictions were right, in order.
            times: (m,) when that was said, seconds since 1970, UTC.
        """
        bins = (right.astype(np.uint8) * np.uint8(BINS - 1))[:, None]
        self.tests["concept"].tell(bins, np.zeros(len(right), np.int64), times)

    def diagnosis(self) -> Diagnosis:
        """What is to be said now."""
        kinds = tuple(self._verdict(kind, test) for kind, test in self.tests.items())
        accuracy = self._estimator.estimate(self._newest.probabilities, self._newest.lengths)
        return Diagnosis(kinds, cause_of(kinds), accuracy)

    def state(self) -> Arrays:
        """What another `Watch` needs to go on; words are not part of it."""
        return {
            f"{kind}_{name}": array
            for kind, test in self.tests.items()
            for name, array in test.state().items()
        }

    def restore(self, state: Arrays) -> None:
        """Go on where another `Watch` of the same reference was; `ValueError` if that can't be."""
        for kind, test in self.tests.items():
            begin = f"{kind}_"
            own = {n.removeprefix(begin): a for n, a in state.items() if n.startswith(begin)}
            test.restore(own)

    def _verdict(self, kind: Kind, test: SequentialTest) -> Verdict:
        aspects = moved_aspects(kind, test, NEWEST)
        alarmed = [aspect.gap for aspect in aspects if aspect.alarmed]
        if kind == "prediction":
            aspects += moved_labels(self._reference, self._newest)
        return Verdict(
            kind,
            test.active,
            test.evidence,
            test.threshold,
            test.since,
            max(alarmed, default=0.0) if test.active else 0.0,
            test.seen,
            test.alarms,
            aspects,
            self._terms.moved() if kind == "input" and test.active else (),
        )
