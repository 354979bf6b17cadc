from __future__ import annotations

import json

import numpy as np
import pytest

from components.register.gate import Contender, choose, decide
from components.register.overlap import Overlap
from components.register.settings import RegisterSettings

LABELS = ("negative", "positive")
SETTINGS = RegisterSettings()
NONE = Overlap()


def contender(right, truth, digest="new", labels=LABELS, invalid=0):
    """A contender that is right on the rows where `right` is true, of two labels."""
    return Contender(digest, labels, np.where(right, truth, 1 - truth), invalid)


def drawn(seed, rows=2_000, old=0.80, won=0.08, lost=0.08):
    """Truth and who is right: the challenger wins and loses shares of the champion's rows."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 2, rows)
    champion = generator.random(rows) < old
    flip = generator.random(rows)
    challenger = np.where(champion, flip >= lost / old, flip < won / (1 - old))
    return truth, challenger, champion


def gate(truth, challenger, champion, slices=None, overlap=NONE, settings=SETTINGS):
    return decide(
        contender(challenger, truth),
        None if champion is None else contender(champion, truth, "old"),
        truth,
        slices or {},
        overlap,
        settings,
    )


def failed(decision):
    return [check.name for check in decision.checks if not check.passed]


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_noise_is_promoted_no_more_often_than_alpha_says(metric):
    settings = RegisterSettings(metric=metric)
    pairs = 400 if metric == "accuracy" else 100
    promoted = sum(gate(*drawn(seed), settings=settings).promote for seed in range(pairs))
    assert promoted / pairs <= 0.08


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_three_points_on_two_thousand_rows_are_mostly_promoted(metric):
    settings = RegisterSettings(metric=metric)
    pairs = 100 if metric == "accuracy" else 40
    promoted = [
        gate(*drawn(seed, won=0.08, lost=0.05), settings=settings).promote for seed in range(pairs)
    ]
    assert np.mean(promoted) > 0.7


def test_a_worse_model_is_never_promoted_however_sure_the_difference():
    decision = gate(*drawn(1, won=0.02, lost=0.2))
    assert not decision.promote
    assert failed(decision)[0] == "superiority"
    assert decision.checks[-2].numbers["p"] < 0.001


def test_the_first_model_needs_only_the_floor():
    truth, challenger, _ = drawn(2)
    assert gate(truth, challenger, None).promote
    refused = gate(truth, challenger, None, settings=RegisterSettings(floor=0.9))
    assert refused.outcome == "refused"
    assert "floor of 0.9" in refused.reason


def test_the_floor_holds_with_a_champion_too():
    truth, challenger, champion = drawn(3, old=0.4, won=0.15, lost=0.02)
    assert failed(gate(truth, challenger, champion)) == ["floor"]


def test_a_probability_that_is_no_number_refuses():
    truth, challenger, champion = drawn(4, won=0.15, lost=0.01)
    for broken in ("challenger", "champion"):
        new = contender(challenger, truth, invalid=int(broken == "challenger"))
        old = contender(champion, truth, "old", invalid=int(broken == "champion"))
        decision = decide(new, old, truth, {}, Overlap(), SETTINGS)
        assert failed(decision) == ["finite"]
        assert broken in decision.reason


def test_changed_labels_refuse_and_are_named():
    truth, challenger, champion = drawn(5)
    old = contender(champion, truth, "old", ("negative", "neutral"))
    decision = decide(contender(challenger, truth), old, truth, {}, Overlap(), SETTINGS)
    assert failed(decision) == ["labels"]
    assert "positive" in decision.reason
    assert "neutral" in decision.reason


def test_labels_in_another_order_are_the_same_labels():
    truth, challenger, champion = drawn(6, won=0.15, lost=0.01)
    plain = gate(truth, challenger, champion)
    turned = Contender("old", LABELS[::-1], 1 - np.where(champion, truth, 1 - truth))
    decision = decide(contender(challenger, truth), turned, truth, {}, Overlap(), SETTINGS)
    assert decision == plain
    assert decision.promote


@pytest.mark.parametrize("overlap", [Overlap(1, 0), Overlap(0, 1)])
def test_a_test_row_that_was_trained_on_refuses(overlap):
    truth, challenger, champion = drawn(7, won=0.15, lost=0.01)
    assert failed(gate(truth, challenger, champion, overlap=overlap)) == ["overlap"]


def test_the_champion_itself_changes_nothing():
    truth, challenger, _ = drawn(8)
    same = contender(challenger, truth)
    decision = decide(same, same, truth, {}, Overlap(5, 5), SETTINGS)
    assert (decision.promote, decision.outcome) == (False, "unchanged")


def test_a_slice_that_loses_refuses_though_the_whole_gains():
    truth, challenger, champion = drawn(9, won=0.12, lost=0.0)
    source = np.array(["web"] * 1_700 + ["mail"] * 300)
    challenger = np.where(source == "mail", False, challenger)
    challenger[1_700:1_880] = True  # 60 % where the champion has about 80 %
    decision = gate(truth, challenger, champion, {"source": source})
    assert failed(decision) == ["slices"]
    assert "'source: mail'" in decision.reason


def test_a_small_slice_is_not_compared():
    truth, challenger, champion = drawn(10, won=0.12, lost=0.0)
    challenger[:50] = False
    source = np.array(["rare"] * 50 + ["rest"] * 1_950)
    decision = gate(truth, challenger, champion, {"source": source})
    assert [s["slice"] for s in decision.checks[-1].numbers["slices"]] == ["source: rest"]
    assert decision.promote


def test_noise_in_many_slices_does_not_block():
    blocked = 0
    for seed in range(200):
        truth, challenger, champion = drawn(seed, won=0.08, lost=0.05)
        slices = {"kind": np.arange(2_000) % 18}  # eighteen slices of 111 rows
        blocked += "slices" in failed(gate(truth, challenger, champion, slices))
    assert blocked / 200 <= 0.05


def test_a_decision_is_json():
    truth, challenger, champion = drawn(11)
    decision = gate(truth, challenger, champion, {"source": np.array(["a"] * 2_000)})
    document = json.loads(json.dumps(decision.document(), allow_nan=False))
    assert document["promote"] is decision.promote
    assert [c["name"] for c in document["checks"]] == [
        "finite",
        "labels",
        "overlap",
        "floor",
        "superiority",
        "slices",
    ]


def test_the_best_on_validation_is_put_forward():
    assert choose({"logistic": 0.8, "bert": 0.9, "lstm": 0.85}) == "bert"
    assert choose({"logistic": 0.9, "bert": 0.9}) == "bert"
