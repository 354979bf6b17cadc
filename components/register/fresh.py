"""The gate's second half, for a retraining: better on fresh rows, no worse on the old ones.

Fresh rows are what the present champion answered and users corrected since. Only on them must the
challenger win; on everything else it must prove that it lost no more than a margin. Feedback can be
wrong, by mistake or on purpose: labels that are noise can't be predicted by anyone, so a challenger
must also beat the constant answer on the fresh rows.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.encoding import Integers
from components.register.paired import loss_upper_bound, mcnemar
from components.register.settings import RetrainSettings

Booleans = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Found:
    """What comparing two models on some rows found.

    Attributes:
        name: What was checked.
        passed: Whether it holds.
        sentence: In words.
        numbers: The figures behind it.
    """

    name: str
    passed: bool
    sentence: str
    numbers: dict[str, Any]


def fresh_checks(
    challenger: Integers,
    champion: Integers,
    truth: Integers,
    fresh: Booleans,
    alpha: float,
    settings: RetrainSettings,
) -> list[Found]:
    """Compare challenger and champion for a retraining.

    Args:
        challenger: (n,) predicted label indices.
        champion: (n,) predicted label indices.
        truth: (n,) label indices.
        fresh: (n,) which rows are fresh.
        alpha: Significance level of each test.
        settings: The margin, and how many fresh rows it takes.

    Returns:
        `old_rows`, `fresh_rows`, and where there are enough of these `fresh_labels` and
        `superiority`.
    """
    old, rows = ~fresh, int(fresh.sum())
    found = [_no_worse(challenger[old] == truth[old], champion[old] == truth[old], alpha, settings)]
    enough = rows >= settings.fresh_rows
    sentence = f"{rows:,} fresh test rows, of at least {settings.fresh_rows:,}."
    found.append(Found("fresh_rows", enough, sentence, {"rows": rows}))
    if enough:
        ours = challenger[fresh] == truth[fresh]
        theirs = champion[fresh] == truth[fresh]
        constant = truth[fresh] == np.bincount(truth[fresh]).argmax()
        found.append(_informative(ours, constant, alpha))
        found.append(_better(ours, theirs, alpha))
    return found


def _no_worse(ours: Booleans, theirs: Booleans, alpha: float, settings: RetrainSettings) -> Found:
    won, lost = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    rows = len(ours)
    bound = loss_upper_bound(won, lost, rows, alpha) if rows else 1.0
    passed = bound <= settings.margin
    told = f"at most {max(bound, 0):.4f} of accuracy on {rows:,} old rows"
    verdict = "which is within" if passed else "more than"
    return Found(
        "old_rows",
        passed,
        f"The challenger loses {told} ({1 - alpha:.0%} confidence), {verdict} the margin of "
        f"{settings.margin}.",
        {
            "challenger": _share(ours),
            "champion": _share(theirs),
            "loss_upper_bound": round(bound, 6),
            "margin": settings.margin,
            "rows": rows,
        },
    )


def _informative(ours: Booleans, constant: Booleans, alpha: float) -> Found:
    p = mcnemar(int((ours & ~constant).sum()), int((constant & ~ours).sum()))
    passed = bool(ours.mean() > constant.mean()) and p < alpha
    verdict = "can be predicted" if passed else "can't be told from noise"
    return Found(
        "fresh_labels",
        passed,
        f"The fresh labels {verdict}: accuracy {ours.mean():.4f}, {constant.mean():.4f} for always "
        f"the same label, p = {p:.4f}.",
        {"challenger": _share(ours), "constant": _share(constant), "p": round(p, 6)},
    )


def _better(ours: Booleans, theirs: Booleans, alpha: float) -> Found:
    p = mcnemar(int((ours & ~theirs).sum()), int((theirs & ~ours).sum()))
    passed = bool(ours.mean() > theirs.mean()) and p < alpha
    verdict = "better by more than chance" if passed else "not better by more than chance"
    return Found(
        "superiority",
        passed,
        f"The challenger is {verdict} on the fresh rows: accuracy {ours.mean():.4f} against the "
        f"champion's {theirs.mean():.4f} on {len(ours):,} rows, p = {p:.4f}.",
        {
            "challenger": _share(ours),
            "champion": _share(theirs),
            "p": round(p, 6),
            "alpha": alpha,
            "rows": len(ours),
        },
    )


def _share(right: Booleans) -> float:
    return round(float(right.mean()), 6) if len(right) else 0.0
