from __future__ import annotations

import random

from components.contract.vocabulary import MANY_TEXTS, Vocabulary
from components.drift.terms import TEXTS, Terms

KNOWN = {f"word{i}": 100 for i in range(50)}


def texts(seed: int, n: int, *extra: str) -> list[list[str]]:
    source = random.Random(seed)
    return [[*source.sample(sorted(KNOWN), 5), *extra, f"rare{seed}x{i}"] for i in range(n)]


def made() -> Terms:
    return Terms(Vocabulary(1_000, 6_000, KNOWN))


def test_usual_texts_move_none() -> None:
    terms = made()
    terms.tell(texts(1, 300))
    assert terms.moved() == ()


def test_a_new_word_in_many_texts_is_shown_and_one_in_few_is_not() -> None:
    terms = made()
    terms.tell(texts(1, 200, "banana"))
    terms.tell(texts(2, MANY_TEXTS - 1, "secret"))
    shown = {moved.term: moved for moved in terms.moved()}
    assert "banana" in shown
    assert shown["banana"].before == 0
    assert shown["banana"].texts == 200
    assert "secret" not in shown
    assert not any(term.startswith("rare") for term in shown)


def test_one_text_sent_often_shows_nothing() -> None:
    terms = made()
    terms.tell([["my", "secret", "diary"]] * 400)
    assert not {moved.term for moved in terms.moved()} & {"my", "secret", "diary"}


def test_shorter_texts_alone_move_none() -> None:
    terms = made()
    terms.tell([text[:2] for text in texts(1, 400)])
    assert terms.moved() == ()


def test_a_word_that_left_is_shown() -> None:
    terms = Terms(Vocabulary(1_000, 6_900, {**KNOWN, "gone": 900}))
    terms.tell(texts(1, 400))
    assert terms.moved()[0].term == "gone"
    assert terms.moved()[0].after == 0


def test_old_texts_are_forgotten() -> None:
    terms = made()
    terms.tell(texts(1, 200, "banana"))
    terms.tell(texts(2, TEXTS))
    assert terms.moved() == ()


def test_without_a_vocabulary_there_is_nothing() -> None:
    terms = Terms(Vocabulary(0, 0, {}))
    terms.tell(texts(1, 300, "banana"))
    assert terms.moved() == ()
