"""Which slices of the aspects moved most."""

from __future__ import annotations

import numpy as np

from components.drift.detectors.detector import Kind
from components.drift.reference import Reference
from components.drift.sequential import SequentialTest
from components.drift.stream import Stream
from components.drift.verdict import MovedAspect


def moved_aspects(kind: Kind, test: SequentialTest, newest: int) -> tuple[MovedAspect, ...]:
    """Each aspect's slice that moved most, the largest gap first.

    Args:
        kind: What the test is about.
        test: The test.
        newest: Rows to look at while there is no drift; else those since it began.

    Returns:
        One for each aspect; nothing before any row.
    """
    recent = test.recent(newest)
    if not len(recent):
        return ()
    aspects = test.aspects
    moved = []
    for i, name in enumerate(aspects.names):
        counts = aspects.counts[i].sum(axis=0)
        before = counts.cumsum() / counts.sum()
        after = np.bincount(recent[:, i], minlength=len(counts)).cumsum() / len(recent)
        widest = int(np.abs(after - before)[:-1].argmax())
        at: float | None = float(aspects.edges[i, widest])
        if kind == "prediction":
            at = float(1 / (1 + np.exp(-aspects.edges[i, widest])))
        elif kind == "concept":
            at = None
        moved.append(
            MovedAspect(
                name,
                float(abs(after[widest] - before[widest])),
                at,
                float(before[widest]),
                float(after[widest]),
                bool(test.alarmed[i]),
            )
        )
    return tuple(sorted(moved, key=lambda aspect: -aspect.gap))


def moved_labels(reference: Reference, newest: Stream) -> tuple[MovedAspect, ...]:
    """Each predicted label's share, the largest gap first, at most ten.

    Args:
        reference: The reference.
        newest: The newest rows.

    Returns:
        Nothing before any row.
    """
    if not len(newest):
        return ()
    k = reference.probabilities.shape[1]
    before = np.bincount(reference.predicted, minlength=k) / len(reference.labels)
    after = np.bincount(newest.predicted, minlength=k) / len(newest)
    largest = np.argsort(-np.abs(after - before), kind="stable")[:10]
    return tuple(
        MovedAspect(
            f"label {reference.name(i)}",
            float(abs(after[i] - before[i])),
            None,
            float(before[i]),
            float(after[i]),
            False,
        )
        for i in largest.tolist()
    )
