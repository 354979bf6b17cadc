"""The promotion rule: pure functions of predictions, knowing nothing of MLflow.

A challenger replaces the champion only when both were scored on the same rows, neither was trained
on any of them, it is better by more than chance, and no large slice of the rows is clearly worse.
In a retraining it has to be better on the fresh rows, and no worse on the others: see `fresh`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from components.contract.encoding import Integers
from components.register.fresh import fresh_checks
from components.register.overlap import Overlap
from components.register.paired import (
    binomial_tail,
    loss_upper_bound,
    macro_f1,
    macro_f1_test,
    mcnemar,
)
from components.register.settings import RegisterSettings, RetrainSettings

Outcome = Literal["promoted", "refused", "unchanged"]


@dataclass(frozen=True)
class Contender:
    """A model's predictions for the n test rows.

    Attributes:
        digest: Its bundle's digest.
        labels: Its k label names.
        predicted: (n,) indices into `labels`.
        invalid: Rows with a probability that isn't finite.
    """

    digest: str
    labels: tuple[str, ...]
    predicted: Integers
    invalid: int = 0


@dataclass(frozen=True)
class Check:
    """One condition of the gate.

    Attributes:
        name: What was checked.
        passed: Whether it holds.
        sentence: What was found.
        numbers: The figures behind it.
    """

    name: str
    passed: bool
    sentence: str
    numbers: Mapping[str, Any]


@dataclass(frozen=True)
class Decision:
    """What the gate says.

    Attributes:
        promote: Whether the challenger becomes the champion.
        outcome: `promoted`, `refused`, or `unchanged` when challenger and champion are one.
        reason: One sentence.
        checks: Everything that was checked, in order.
    """

    promote: bool
    outcome: Outcome
    reason: str
    checks: tuple[Check, ...]

    def document(self) -> dict[str, Any]:
        """The decision as JSON has it."""
        return dataclasses.asdict(self) | {"checks": [dataclasses.asdict(c) for c in self.checks]}


def choose(validation: Mapping[str, float]) -> str:
    """The candidate to put forward: best on the validation split, the first by name when tied.

    The test split must not choose: the winner of many on it would look better than it is.
    """
    return max(sorted(validation), key=lambda name: validation[name])


def decide(
    challenger: Contender,
    champion: Contender | None,
    truth: Integers,
    slices: Mapping[str, Sequence[Any] | npt.NDArray[Any]],
    overlap: Overlap,
    settings: RegisterSettings,
    fresh: npt.NDArray[np.bool_] | None = None,
) -> Decision:
    """Decide whether a challenger becomes the champion.

    Args:
        challenger: The model put forward.
        champion: The model in production on the same rows; None when there is none.
        truth: (n,) indices into the challenger's labels.
        slices: Column -> (n,) values.
        overlap: Test rows that either may have been trained on.
        settings: The gate's parameters.
        fresh: (n,) which rows are fresh; looked at where `settings.retrain` is given.

    Returns:
        The decision, with every check made.
    """
    if champion is not None and champion.digest == challenger.digest:
        return Decision(False, "unchanged", "The challenger is the champion itself.", ())
    checks = [
        _finite(challenger, champion),
        *([] if champion is None else [_same_labels(challenger, champion)]),
        _no_overlap(overlap),
        *([] if settings.retrain is None else [_same_champion(champion, settings.retrain)]),
    ]
    if all(check.passed for check in checks):
        checks.append(_above_floor(challenger, truth, settings, fresh))
        if champion is not None:
            other = _aligned(champion, challenger.labels)
            checks += _superior_all(challenger, other, truth, settings, fresh)
            checks.append(_slices_hold(challenger.predicted, other, truth, slices, settings))
    failed = [check for check in checks if not check.passed]
    if failed:
        return Decision(False, "refused", failed[0].sentence, tuple(checks))
    told = checks[-1 if champion is None else -2]
    return Decision(True, "promoted", told.sentence, tuple(checks))


def _finite(challenger: Contender, champion: Contender | None) -> Check:
    numbers = {"challenger": challenger.invalid, "champion": champion.invalid if champion else 0}
    bad = [name for name, rows in numbers.items() if rows]
    sentence = "Every probability is finite."
    if bad:
        sentence = (
            f"The {bad[0]} gives {numbers[bad[0]]:,} test rows a probability that is no number."
        )
    return Check("finite", not bad, sentence, {f"{k}_invalid_rows": v for k, v in numbers.items()})


def _same_labels(challenger: Contender, champion: Contender) -> Check:
    gained = sorted({*challenger.labels} - {*champion.labels})
    lost = sorted({*champion.labels} - {*challenger.labels})
    same = not gained and not lost
    sentence = "Both models know the same labels."
    if not same:
        sentence = f"The labels changed: {gained[:5]} came, {lost[:5]} went; a person must decide."
    return Check("labels", same, sentence, {"gained": gained, "lost": lost})


def _no_overlap(overlap: Overlap) -> Check:
    numbers = dataclasses.asdict(overlap)
    if overlap.in_train:
        sentence = f"{overlap.in_train:,} test rows also stand in the train split."
    elif overlap.in_champion_train:
        sentence = (
            f"The champion's split rule puts {overlap.in_champion_train:,} test rows into its own"
            " train split, so it can't be compared on them."
        )
    else:
        sentence = "No test row was trained on."
    return Check("overlap", not any(numbers.values()), sentence, numbers)


def _same_champion(champion: Contender | None, settings: RetrainSettings) -> Check:
    now = "" if champion is None else champion.digest
    same = now == settings.champion
    sentence = "The fresh rows are what this champion answered."
    if not same:
        sentence = "Another champion has taken over since the fresh rows were gathered."
    return Check("champion", same, sentence, {"expected": settings.champion, "found": now})


def _superior_all(
    challenger: Contender,
    champion: Integers,
    truth: Integers,
    settings: RegisterSettings,
    fresh: npt.NDArray[np.bool_] | None,
) -> list[Check]:
    if settings.retrain is None:
        return [_superior(challenger, champion, truth, settings)]
    where = np.zeros(len(truth), np.bool_) if fresh is None else fresh
    found = fresh_checks(
        challenger.predicted, champion, truth, where, settings.alpha, settings.retrain,
        len(challenger.labels), settings.metric,
    )  # fmt: skip
    return [Check(each.name, each.passed, each.sentence, each.numbers) for each in found]


def _above_floor(
    challenger: Contender,
    truth: Integers,
    settings: RegisterSettings,
    fresh: npt.NDArray[np.bool_] | None,
) -> Check:
    """The floor was set for the rows that a model was first made for: fresh ones don't count."""
    predicted = challenger.predicted
    if settings.retrain is not None and fresh is not None:
        predicted, truth = predicted[~fresh], truth[~fresh]
    value = _metric(predicted, truth, len(challenger.labels), settings)
    passed = value >= settings.floor
    verb = "reaches" if passed else "misses"
    sentence = f"Its {settings.metric} of {value:.4f} {verb} the floor of {settings.floor}."
    return Check("floor", passed, sentence, {"value": round(value, 6), "floor": settings.floor})


def _superior(
    challenger: Contender, champion: Integers, truth: Integers, settings: RegisterSettings
) -> Check:
    k = len(challenger.labels)
    new = _metric(challenger.predicted, truth, k, settings)
    old = _metric(champion, truth, k, settings)
    ours, theirs = _only(challenger.predicted, champion, truth)
    if settings.metric == "accuracy":
        p = mcnemar(int(ours.sum()), int(theirs.sum()))
    else:
        p = macro_f1_test(truth, challenger.predicted, champion, k)
    passed = new > old and p < settings.alpha
    found = f"{settings.metric} {new:.4f} against the champion's {old:.4f} on {len(truth):,} rows"
    verdict = "better by more than chance" if passed else "not better by more than chance"
    return Check(
        "superiority",
        passed,
        f"The challenger is {verdict}: {found}, p = {p:.4f}.",
        {
            "challenger": round(new, 6),
            "champion": round(old, 6),
            "p": round(p, 6),
            "alpha": settings.alpha,
            "challenger_only_right": int(ours.sum()),
            "champion_only_right": int(theirs.sum()),
            "rows": len(truth),
        },
    )


def _slices_hold(
    challenger: Integers,
    champion: Integers,
    truth: Integers,
    slices: Mapping[str, Sequence[Any] | npt.NDArray[Any]],
    settings: RegisterSettings,
) -> Check:
    """No slice loses more than the margin beyond chance.

    A slice of 100 rows can't prove that it lost less than 5 points: with a fifth of the rows
    discordant the 95 % bound of its loss lies 7 points above the estimate, so demanding that proof
    would refuse every other real improvement. Instead a slice refuses when its loss is larger than
    the margin and larger than chance explains (one-sided exact McNemar test at alpha divided by
    the number of slices, Bonferroni), which noise does with probability alpha at most. The bound
    is reported beside it.
    """
    ours, theirs = _only(challenger, champion, truth)
    groups = [
        (f"{column}: {value}", rows)
        for column, values in slices.items()
        for value, rows in _groups(values)
        if len(rows) >= settings.slice_rows
    ]
    found, worse = [], []
    for name, rows in groups:
        won, lost = int(ours[rows].sum()), int(theirs[rows].sum())
        loss, p = (lost - won) / len(rows), binomial_tail(lost, won + lost)
        holds = not (loss > settings.slice_margin and p < settings.alpha / len(groups))
        bound = loss_upper_bound(won, lost, len(rows), settings.alpha)
        if not holds:
            worse.append((loss, name))
        found.append(
            {
                "slice": name,
                "rows": len(rows),
                "loss": round(loss, 6),
                "loss_upper_bound": round(bound, 6),
                "p": round(p, 6),
                "holds": holds,
            }
        )
    sentence = f"None of {len(groups)} slices is worse by more than {settings.slice_margin}."
    if worse:
        loss, name = max(worse)
        sentence = (
            f"The slice {name!r} loses {loss:.4f} of accuracy, more than {settings.slice_margin}"
            " and more than chance."
        )
    return Check("slices", not worse, sentence, {"margin": settings.slice_margin, "slices": found})


def _metric(predicted: Integers, truth: Integers, k: int, settings: RegisterSettings) -> float:
    if settings.metric == "accuracy":
        return float((predicted == truth).mean()) if len(truth) else 0.0
    return macro_f1(truth, predicted, k)


def _only(challenger: Integers, champion: Integers, truth: Integers) -> tuple[Any, Any]:
    """(n,) rows that only the challenger gets right, and (n,) only the champion."""
    new, old = challenger == truth, champion == truth
    return new & ~old, old & ~new


def _aligned(champion: Contender, labels: Sequence[str]) -> Integers:
    """The champion's predictions as indices into the challenger's labels."""
    place = {name: i for i, name in enumerate(labels)}
    return np.array([place[name] for name in champion.labels])[champion.predicted]


def _groups(values: Sequence[Any] | npt.NDArray[Any]) -> list[tuple[str, npt.NDArray[np.intp]]]:
    names, codes = np.unique(np.asarray(values).astype(str), return_inverse=True)
    return [(str(name), np.flatnonzero(codes == i)) for i, name in enumerate(names)]
