"""What is said of a stream: which kind of drift, since when, how large, and what moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from components.drift.accuracy import AccuracyEstimate
from components.drift.detectors.detector import Kind
from components.drift.terms import MovedTerm

Cause = Literal["", "covariate", "truncated", "encoding", "label_mix", "concept"]
"""What the pattern looks like: other texts; texts that were cut; texts in a wrong encoding; texts
alike in another mix of labels; texts alike with other labels."""


@dataclass(frozen=True)
class MovedAspect:
    """An aspect and the slice of it that moved most.

    Attributes:
        aspect: Its name, as in `aspects.py`; `label NAME` for a predicted label's share.
        gap: The largest difference of cumulative shares (Kolmogorov's distance), 0 to 1.
        at: The value where that is; None for a share of labels or of errors.
        before: Share of the reference's rows below that value.
        after: Share of the newest rows below that value.
        alarmed: Whether this aspect's own evidence was enough.
    """

    aspect: str
    gap: float
    at: float | None
    before: float
    after: float
    alarmed: bool


@dataclass(frozen=True)
class Verdict:
    """What is said of one kind of drift.

    Attributes:
        kind: `input`, `prediction` or `concept`.
        active: Whether drift of that kind is held to be there.
        evidence: Log10 of the sequential test's evidence against "no drift".
        threshold: Log10 of the evidence at which drift is said.
        since: When it began, seconds since 1970, UTC; None while it is not there.
        size: How large it is: the largest gap of an aspect that alarmed; 0 while it is not there.
        rows: Texts, or pieces of feedback, so far.
        alarms: Times it was found.
        aspects: What moved most, the largest gap first.
        terms: Words that moved most, in texts that drifted.
    """

    kind: Kind
    active: bool
    evidence: float
    threshold: float
    since: float | None
    size: float
    rows: int
    alarms: int
    aspects: tuple[MovedAspect, ...]
    terms: tuple[MovedTerm, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """What is said of a stream.

    Attributes:
        kinds: A verdict for each kind.
        cause: What the pattern looks like; empty while there is no drift.
        accuracy: How often the model is right, estimated without labels; None of few texts.
    """

    kinds: tuple[Verdict, ...]
    cause: Cause
    accuracy: AccuracyEstimate | None = None


def cause_of(kinds: tuple[Verdict, ...]) -> Cause:
    """What the pattern looks like.

    Other texts move answers and errors as well, so input comes first; a mix of labels moves no
    aspect of the texts among those that got one label; errors alone are left to the concept.

    Args:
        kinds: A verdict for each kind.

    Returns:
        The cause.
    """
    active = {verdict.kind: verdict for verdict in kinds if verdict.active}
    if "input" in active:
        moved = {aspect.aspect: aspect for aspect in active["input"].aspects}
        if _rose(moved.get("broken_characters")):
            return "encoding"
        length = moved.get("length")
        shorter = length is not None and length.after > length.before
        return "truncated" if shorter and _rose(moved.get("unfinished")) else "covariate"
    if "prediction" in active:
        return "label_mix"
    return "concept" if "concept" in active else ""


CLEARLY = 0.1
"""A tenth of the texts are cut or broken that were not before."""


def _rose(moved: MovedAspect | None) -> bool:
    return moved is not None and moved.before - moved.after >= CLEARLY
