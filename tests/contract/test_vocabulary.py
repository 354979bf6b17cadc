from __future__ import annotations

import itertools

import numpy as np
import pytest

from components.contract import vocabulary
from components.contract.vocabulary import MANY_TEXTS, Vocabulary


def test_words_of_many_texts_are_kept() -> None:
    texts = ["a fine fine film"] * MANY_TEXTS + ["a secret"] * (MANY_TEXTS - 1)
    counted = Vocabulary.count(texts)
    assert counted.texts == len(texts)
    assert counted.words == 4 * MANY_TEXTS + 2 * (MANY_TEXTS - 1)
    assert counted.terms == {"a": len(texts), "fine": 2 * MANY_TEXTS, "film": MANY_TEXTS}
    assert next(iter(counted.terms)) == "a"


def test_they_are_read_as_they_were_written() -> None:
    counted = Vocabulary.count(["un caf\u00e9 noir"] * 20)
    assert Vocabulary.of(counted.arrays()) == counted
    assert Vocabulary.of(Vocabulary(0, 0, {}).arrays()) == Vocabulary(0, 0, {})


def test_the_same_texts_in_another_order_give_the_same() -> None:
    texts = [f"word{'abcdefgh'[i % 8]} and" for i in range(200)]
    told = [counted.arrays() for counted in map(Vocabulary.count, (texts, texts[::-1]))]
    for name in told[0]:
        assert np.array_equal(told[0][name], told[1][name])


def test_endless_texts_are_read_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "TEXTS", 50)
    assert Vocabulary.count(itertools.repeat("a film")).texts == 50


@pytest.mark.parametrize("broken", ["terms", "term_counts", "term_totals"])
def test_what_makes_no_sense_is_refused(broken: str) -> None:
    arrays = Vocabulary.count(["a film"] * 20).arrays()
    arrays[broken] = arrays[broken][:0] if broken != "terms" else np.array([255], np.uint8)
    with pytest.raises((ValueError, KeyError, IndexError)):
        Vocabulary.of(arrays)
