"""Whether a retraining may start: pure functions of what is known, each refusal with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipelines.trigger.settings import RetrainingSettings

Reason = Literal["duplicate", "running", "cooldown", "budget", "too_few_labels"]
REASONS: tuple[Reason, ...] = ("duplicate", "running", "cooldown", "budget", "too_few_labels")
DAY_S = 86_400.0


@dataclass(frozen=True)
class Facts:
    """What the ledger knows when somebody asks for a run.

    Attributes:
        answered_by: The run that the request's causes led to already; empty for none.
        running: The run that hasn't ended; empty for none.
        last_end: When the last run ended, in seconds since 1970; None before any.
        started: When the runs of the last day started, in seconds since 1970.
        labels: Fresh labels; None when they weren't counted, which then isn't looked at.
    """

    answered_by: str
    running: str
    last_end: float | None
    started: tuple[float, ...]
    labels: int | None


@dataclass(frozen=True)
class Refusal:
    """Why no run starts.

    Attributes:
        reason: The machine-readable reason.
        message: One sentence.
    """

    reason: Reason
    message: str


def refusal(
    facts: Facts, settings: RetrainingSettings, now: float, force: bool = False
) -> Refusal | None:
    """Why a run may not start; None when it may.

    Args:
        facts: What is known.
        settings: The rules' figures.
        now: The present, in seconds since 1970.
        force: Whether the cool-down is waived.

    Returns:
        The first rule that refuses, in the order of `REASONS`.
    """
    if facts.answered_by:
        return Refusal("duplicate", f"The cause led to the run {facts.answered_by} already.")
    if facts.running:
        return Refusal("running", f"The run {facts.running} hasn't ended yet.")
    if facts.last_end is not None and not force:
        left = facts.last_end + settings.cooldown_s - now
        if left > 0:
            return Refusal("cooldown", f"The last run ended too recently; wait {left:,.0f} s.")
    recent = sorted(start for start in facts.started if start > now - DAY_S)
    if len(recent) >= settings.runs_per_day:
        left = recent[-settings.runs_per_day] + DAY_S - now
        return Refusal(
            "budget",
            f"{len(recent)} runs started in the last 24 hours, of at most "
            f"{settings.runs_per_day}; wait {left:,.0f} s.",
        )
    if facts.labels is not None and facts.labels < settings.minimum_labels:
        return Refusal(
            "too_few_labels",
            f"{facts.labels:,} fresh labels have come, of at least {settings.minimum_labels:,}.",
        )
    return None
