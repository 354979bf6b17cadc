"""Learning-rate schedules as functions of the step: no state, so nothing to save or resume."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[float], float]
"""Progress in [0, 1] -> the factor on the peak learning rate."""


def one_cycle(warmup: float = 0.3, start: float = 0.04, end: float = 4e-6) -> Schedule:
    """Cosine up, cosine down (Smith & Topin 2017, https://arxiv.org/abs/1708.07120).

    Args:
        warmup: Share of the steps that rise to the peak.
        start: Factor at the first step.
        end: Factor at the last step.

    Returns:
        The schedule, with torch's OneCycleLR defaults.
    """

    def factor(progress: float) -> float:
        if progress < warmup:
            return _cosine(start, 1.0, progress / warmup)
        return _cosine(1.0, end, (progress - warmup) / (1 - warmup))

    return factor


def warmup_linear(warmup: float = 0.1) -> Schedule:
    """Linear up, linear down to zero, as BERT was trained.

    Devlin et al. 2019, appendix A.2, https://arxiv.org/abs/1810.04805.

    Args:
        warmup: Share of the steps that rise to the peak.

    Returns:
        The schedule.
    """

    def factor(progress: float) -> float:
        if progress < warmup:
            return progress / warmup
        return (1.0 - progress) / (1.0 - warmup)

    return factor


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
