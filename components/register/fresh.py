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
from components.register.paired import (
    loss_upper_bound,
    macro_f1,
    macro_f1_loss_bound,
    macro_f1_test,
    mcnemar,
)
from components.register.settings import Metric, RetrainSettings

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


@dataclasses.dataclass(frozen=True)
class _Pair:
    """Two models' (n,) predictions of the same rows, and what compares them."""

    ours: Integers
    theirs: Integers
    truth: Integers
    labels: int
    metric: Metric

    def at(self, rows: Booleans) -> _Pair:
        """Some of the rows."""
        chosen = {name: getattr(self, name)[rows] for name in ("ours", "theirs", "truth")}
        return dataclasses.replace(self, **chosen)

    def values(self) -> tuple[float, float]:
        """The metric of both; zeros for no rows."""
        if not len(self.truth):
            return 0.0, 0.0
        if self.metric == "macro_f1":
            return (
                macro_f1(self.truth, self.ours, self.labels),
                macro_f1(self.truth, self.theirs, self.labels),
            )
        return float((self.ours == self.truth).mean()), float((self.theirs == self.truth).mean())

    def p(self) -> float:
        """The probability of such a difference by chance."""
        if self.metric == "macro_f1":
            return macro_f1_test(self.truth, self.ours, self.theirs, self.labels)
        return mcnemar(*self._alone())

    def loss_bound(self, alpha: float) -> float:
        """How much worse ours may be at most; 1 for no rows."""
        if not len(self.truth):
            return 1.0
        if self.metric == "macro_f1":
            return macro_f1_loss_bound(self.truth, self.ours, self.theirs, self.labels, alpha)
        return loss_upper_bound(*self._alone(), len(self.truth), alpha)

    def _alone(self) -> tuple[int, int]:
        """Rows that only ours gets right, and only theirs."""
        ours, theirs = self.ours == self.truth, self.theirs == self.truth
        return int((ours & ~theirs).sum()), int((theirs & ~ours).sum())


def fresh_checks(
    challenger: Integers,
    champion: Integers,
    truth: Integers,
    fresh: Booleans,
    alpha: float,
    settings: RetrainSettings,
    labels: int,
    metric: Metric = "accuracy",
) -> list[Found]:
    """Compare challenger and champion for a retraining.

    Args:
        challenger: (n,) predicted label indices.
        champion: (n,) predicted label indices.
        truth: (n,) label indices.
        fresh: (n,) which rows are fresh.
        alpha: Significance level of each test.
        settings: The margin, and how many fresh rows it takes.
        labels: k, the number of labels.
        metric: What is compared.

    Returns:
        `old_rows`, `fresh_rows`, and where there are enough of these `fresh_labels` and
        `superiority`.
    """
    pair = _Pair(challenger, champion, truth, labels, metric)
    rows = int(fresh.sum())
    found = [_no_worse(pair.at(~fresh), alpha, settings)]
    enough = rows >= settings.fresh_rows
    sentence = f"{rows:,} fresh test rows, of at least {settings.fresh_rows:,}."
    found.append(Found("fresh_rows", enough, sentence, {"rows": rows}))
    if enough:
        on_fresh = pair.at(fresh)
        found.append(_informative(on_fresh, alpha))
        found.append(_better(on_fresh, alpha))
    return found


def _no_worse(pair: _Pair, alpha: float, settings: RetrainSettings) -> Found:
    rows, bound = len(pair.truth), pair.loss_bound(alpha)
    challenger, champion = pair.values()
    passed = bound <= settings.margin
    told = f"at most {max(bound, 0):.4f} of {pair.metric} on {rows:,} old rows"
    verdict = "which is within" if passed else "more than"
    return Found(
        "old_rows",
        passed,
        f"The challenger loses {told} ({1 - alpha:.0%} confidence), {verdict} the margin of "
        f"{settings.margin}.",
        {
            "challenger": round(challenger, 6),
            "champion": round(champion, 6),
            "loss_upper_bound": round(bound, 6),
            "margin": settings.margin,
            "rows": rows,
        },
    )


def _informative(pair: _Pair, alpha: float) -> Found:
    always = np.full_like(pair.truth, np.bincount(pair.truth).argmax())
    beside = dataclasses.replace(pair, theirs=always)
    (challenger, constant), p = beside.values(), beside.p()
    passed = challenger > constant and p < alpha
    verdict = "can be predicted" if passed else "can't be told from noise"
    return Found(
        "fresh_labels",
        passed,
        f"The fresh labels {verdict}: {pair.metric} {challenger:.4f}, {constant:.4f} for always "
        f"the same label, p = {p:.4f}.",
        {"challenger": round(challenger, 6), "constant": round(constant, 6), "p": round(p, 6)},
    )


def _better(pair: _Pair, alpha: float) -> Found:
    (challenger, champion), p = pair.values(), pair.p()
    passed = challenger > champion and p < alpha
    verdict = "better by more than chance" if passed else "not better by more than chance"
    return Found(
        "superiority",
        passed,
        f"The challenger is {verdict} on the fresh rows: {pair.metric} {challenger:.4f} against "
        f"the champion's {champion:.4f} on {len(pair.truth):,} rows, p = {p:.4f}.",
        {
            "challenger": round(challenger, 6),
            "champion": round(champion, 6),
            "p": round(p, 6),
            "alpha": alpha,
            "rows": len(pair.truth),
        },
    )
