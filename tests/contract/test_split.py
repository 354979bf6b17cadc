from __future__ import annotations

import hashlib
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.contract.split import SplitRule, folded

RULE = SplitRule(0.8, 0.1, "13")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS)
def test_position_is_in_the_unit_interval_and_repeats(text: str) -> None:
    position = RULE.position(text)
    assert 0 <= position < 1
    assert position == RULE.position(text)


def test_position_by_a_second_route() -> None:
    digest = hashlib.blake2b(b"13\0agoodfilm", digest_size=8).hexdigest()
    assert RULE.position("A good film!") == pytest.approx(int(digest, 16) / 2**64, abs=1e-15)


@given(TEXTS)
def test_folding_keeps_letters_and_digits_only(text: str) -> None:
    assert folded(text).decode() == "".join(c for c in text.casefold() if c.isalnum())


@pytest.mark.parametrize("other", ["A GOOD FILM", "a good film.", "a, good - film", "agoodfilm_"])
def test_texts_that_differ_in_case_and_punctuation_share_a_split(other: str) -> None:
    assert RULE.position(other) == RULE.position("a good film")


def test_texts_without_letters_differ_by_themselves() -> None:
    assert RULE.position("!!!") != RULE.position("???")
    assert RULE.position("") >= 0


def test_shares_come_out() -> None:
    texts = [f"text {i}" for i in range(20_000)]
    splits = [RULE.split(text) for text in texts]
    assert splits.count("train") / 20_000 == pytest.approx(0.8, abs=0.01)
    assert splits.count("validation") / 20_000 == pytest.approx(0.1, abs=0.01)
    assert splits.count("test") / 20_000 == pytest.approx(0.1, abs=0.01)
    assert statistics.mean(map(RULE.position, texts)) == pytest.approx(0.5, abs=0.01)


def test_another_salt_draws_another_split() -> None:
    texts = [f"text {i}" for i in range(1_000)]
    other = SplitRule(0.8, 0.1, "14")
    assert [RULE.split(t) for t in texts] != [other.split(t) for t in texts]


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [(0.8, 0.2, 0.0), (0.9, 0.1, 0.0), (1.0, 0.0, 0.0), (0.6, 0.3, 0.1)],
)
def test_a_share_of_nothing_gets_nothing(train: float, validation: float, test: float) -> None:
    rule = SplitRule(train, validation, "")
    assert rule.test == test
    splits = {rule.split(f"text {i}") for i in range(2_000)}
    shares = {"train": train, "validation": validation, "test": test}
    assert splits == {name for name, share in shares.items() if share > 0}


def test_facts_and_back() -> None:
    facts = RULE.as_facts()
    assert facts == {"train": 0.8, "validation": 0.1, "test": 0.1, "salt": "13"}
    assert SplitRule.from_facts(facts) == RULE
