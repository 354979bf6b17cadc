"""The gate of a retraining: fresh rows decide, old ones must not be lost, noise never wins."""

from __future__ import annotations

import numpy as np
import pytest

from components.register.gate import Contender, decide
from components.register.overlap import Overlap, fresh_rows, rows_by_rule
from components.register.settings import RegisterSettings, RetrainSettings
from tests.evaluate.published import reviews, split_rows, write_dataset

LABELS = ("negative", "positive")
SETTINGS = RegisterSettings(floor=0.6, retrain=RetrainSettings("old", 0.02, 100))


def drawn(seed, old=0.9, new_old=0.9, fresh=0.72, new_fresh=0.78, rows=(2_000, 1_000), noise=False):
    """A decision on drawn rows; accuracies of champion and challenger on old and fresh rows."""
    generator = np.random.default_rng(seed)
    count = sum(rows)
    truth = generator.integers(0, 2, count)
    where = np.arange(count) >= rows[0]
    difficulty = generator.random(count)

    def predictions(on_old, on_fresh):
        luck = np.where(generator.random(count) < 0.8, difficulty, generator.random(count))
        right = luck < np.where(where, on_fresh, on_old)
        return np.where(right, truth, 1 - truth)

    champion, challenger = predictions(old, fresh), predictions(new_old, new_fresh)
    if noise:
        truth = np.where(where, generator.integers(0, 2, count), truth)
    return decide(
        Contender("new", LABELS, challenger),
        Contender("old", LABELS, champion),
        truth,
        {},
        Overlap(),
        SETTINGS,
        where,
    )


def failed(decision):
    return [check.name for check in decision.checks if not check.passed]


def test_better_on_fresh_rows_and_as_good_on_old_ones_is_promoted():
    decisions = [drawn(seed) for seed in range(40)]
    assert sum(d.promote for d in decisions) >= 34
    promoted = next(d for d in decisions if d.promote)
    assert "on the fresh rows" in promoted.reason
    assert [c.name for c in promoted.checks] == [
        "finite", "labels", "overlap", "champion", "floor", "old_rows", "fresh_rows",
        "fresh_labels", "superiority", "slices",
    ]  # fmt: skip


def test_what_is_won_on_fresh_rows_must_not_be_paid_with_old_ones():
    decisions = [drawn(seed, new_old=0.86, new_fresh=0.85) for seed in range(40)]
    assert not any(d.promote for d in decisions)
    assert all("old_rows" in failed(d) for d in decisions)


def test_no_gain_on_fresh_rows_is_no_gain():
    """Two-sided at 5 %: one in forty by chance."""
    decisions = [drawn(seed, new_fresh=0.72, new_old=0.9) for seed in range(200)]
    assert sum(d.promote for d in decisions) <= 12


def test_labels_that_are_noise_promote_nothing():
    decisions = [drawn(seed, noise=True) for seed in range(300)]
    assert sum(d.promote for d in decisions) <= 3
    assert sum("fresh_labels" in failed(d) for d in decisions) >= 285


def test_one_label_for_everything_is_no_achievement():
    """A mix of 95 to 5 and a challenger that always says the larger: better than the champion."""
    generator = np.random.default_rng(1)
    truth = np.concatenate([generator.integers(0, 2, 2_000), generator.random(1_000) < 0.95])
    truth = truth.astype(np.int64)
    where = np.arange(3_000) >= 2_000
    old = np.where(generator.random(3_000) < 0.9, truth, 1 - truth)
    champion = np.where(where & (generator.random(3_000) < 0.3), 1 - truth, old)
    challenger = np.where(where, 1, old)
    contenders = (Contender("new", LABELS, challenger), Contender("old", LABELS, champion))
    decision = decide(*contenders, truth, {}, Overlap(), SETTINGS, where)
    assert failed(decision) == ["fresh_labels"]


def test_few_fresh_rows_decide_nothing():
    decision = drawn(0, rows=(2_000, 99), fresh=0.5, new_fresh=1.0)
    assert failed(decision) == ["fresh_rows"]
    assert "99 fresh test rows" in decision.reason


def test_old_rows_that_are_missing_prove_nothing():
    assert "old_rows" in failed(drawn(0, rows=(0, 1_000)))


def test_rows_that_were_gathered_for_another_champion_are_refused():
    truth = np.zeros(300, np.int64)
    ours, theirs = Contender("new", LABELS, truth), Contender("other", LABELS, 1 - truth)
    decision = decide(ours, theirs, truth, {}, Overlap(), SETTINGS, truth == 0)
    assert failed(decision) == ["champion"]
    none = decide(ours, None, truth, {}, Overlap(), SETTINGS, truth == 0)
    assert failed(none) == ["champion"]


@pytest.fixture
def dataset(tmp_path):
    from components.contract.dataset import Dataset

    rows = [(text, label, ("source", "fresh")[n % 2]) for n, (text, label, _) in
            enumerate(reviews(200))]  # fmt: skip
    write_dataset(tmp_path / "dataset", split_rows(rows), slices=("origin",))
    return Dataset.open(tmp_path / "dataset")


def test_fresh_rows_are_no_overlap_whatever_the_champions_rule_says(dataset, monkeypatch):
    import dataclasses

    facts = {**dataset.manifest.facts, "fresh": {"column": "origin", "value": "fresh"}}
    marked = dataclasses.replace(
        dataset, manifest=dataclasses.replace(dataset.manifest, facts=facts)
    )
    everything = {"train": 1.0, "validation": 0.0, "test": 0.0, "salt": "x"}
    fresh = int(fresh_rows(marked).sum())
    assert 0 < fresh < dataset.rows("test")
    assert rows_by_rule(dataset, everything) == dataset.rows("test")
    assert rows_by_rule(marked, everything) == dataset.rows("test") - fresh
    assert not fresh_rows(dataset).any()


def imbalanced(seed, rare_old, rare_new, metric):
    """A decision where one row in twenty has the rare label, and only its recall differs."""
    generator = np.random.default_rng(seed)
    truth = (generator.random(4_000) < 0.05).astype(int)
    where = np.arange(4_000) >= 2_000

    def predictions(recall):
        missed = (truth == 1) & (generator.random(4_000) >= recall)
        false = (truth == 0) & (generator.random(4_000) < 0.01)
        return np.where(missed, 0, np.where(false, 1, truth))

    settings = RegisterSettings(floor=0.4, metric=metric, retrain=SETTINGS.retrain)
    new, old = predictions(rare_new), predictions(rare_old)
    return decide(
        Contender("new", LABELS, new), Contender("old", LABELS, old), truth, {}, Overlap(),
        settings, where,
    )  # fmt: skip


def test_with_macro_f1_a_rare_label_counts_as_much_as_a_frequent_one():
    won = [imbalanced(seed, 0.4, 0.9, "macro_f1") for seed in range(5)]
    assert all(d.promote for d in won)
    assert all("macro_f1" in d.reason for d in won)
    lost = [imbalanced(seed, 0.9, 0.4, "macro_f1") for seed in range(5)]
    assert all("old_rows" in failed(d) and "superiority" in failed(d) for d in lost)
    same = [imbalanced(seed, 0.7, 0.7, "macro_f1") for seed in range(10)]
    assert sum(d.promote for d in same) <= 1


def test_with_macro_f1_the_constant_answer_is_no_match():
    decision = imbalanced(1, 0.0, 0.0, "macro_f1")
    assert not decision.promote
    (check,) = [c for c in decision.checks if c.name == "fresh_labels"]
    assert not check.passed
    assert check.numbers["constant"] == pytest.approx(0.49, abs=0.01)
