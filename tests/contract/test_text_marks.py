from __future__ import annotations

import pytest

from components.contract.text_marks import EXCERPT, MARKS, excerpt, mark, mark_texts, words

KNOWN = {"a": 1, "fine": 1, "film": 1, "it's": 1}


def marks(text: str) -> dict[str, float]:
    return dict(zip(MARKS, mark(text, KNOWN)[0], strict=True))


def test_words_are_letters_in_lower_case() -> None:
    assert words("It\u2019s a FINE film, 1984!") == ["it's", "a", "fine", "film"]
    assert words("mail@example.org 0123456789 " + "x" * 31) == ["mail", "example", "org"]
    assert words("\u043d\u0435 \u4e00\u4e8c") == ["\u043d\u0435", "\u4e00\u4e8c"]


def test_a_plain_text() -> None:
    told = marks("A fine film.")
    assert told == {
        "characters": 12,
        "unknown_words": 0,
        "non_ascii": 0,
        "broken_characters": 0,
        "uppercase": pytest.approx(1 / 12),
        "unfinished": 0,
    }
    assert marks("A dull film")["unknown_words"] == pytest.approx(1 / 3)
    assert marks("A fine fil")["unfinished"] == 1


@pytest.mark.parametrize("text", ["", " ", "\x00", "\ud800", "<br />", "!" * 10, "\u0301" * 100])
def test_odd_texts_are_survived(text: str) -> None:
    assert all(0 <= share <= 1 for name, share in marks(text).items() if name != "characters")


def test_wrong_encodings_are_broken_and_other_languages_are_not() -> None:
    sentence = "It\u2019s a \u201cfine\u201d film, caf\u00e9 and all."
    assert marks(sentence.encode().decode("cp1252", "replace"))["broken_characters"] > 0.1
    assert marks(sentence.encode().decode("latin-1"))["broken_characters"] > 0.1
    assert marks(sentence.encode("cp1252").decode(errors="replace"))["broken_characters"] > 0.1
    for other in (
        sentence,
        "C\u2019est un tr\u00e8s bon film, \u00e0 voir; \u00c2ge d\u2019or.",
        "\u042d\u0442\u043e \u0445\u043e\u0440\u043e\u0448\u0438\u0439 \u0444\u0438\u043b\u044c\u043c.",  # noqa: E501
        "Filme muito bom, S\u00c3O PAULO \u00c3 parte.",
        "\u3053\u306e\u6620\u753b\u306f\u826f\u3044\u3002",
    ):
        assert marks(other)["broken_characters"] == 0, other
        assert marks(other)["unfinished"] == 0, other


def test_a_long_text_is_marked_by_head_and_tail() -> None:
    text = "a fine film. " * 1_000
    assert len(excerpt(text)) == EXCERPT + 1
    whole, given = mark(text, KNOWN)[0], mark(excerpt(text), KNOWN, len(text))[0]
    assert whole == pytest.approx(given)
    assert whole[0] == pytest.approx(len(text), rel=0.01)


def test_markup_counts_as_it_was_trained_on() -> None:
    assert marks("A fine<br /><br />film.") == marks("A fine film.")


def test_many_texts_at_once() -> None:
    told = mark_texts(["A fine film.", "dull"], KNOWN)
    assert told.shape == (2, len(MARKS))
    assert told[1, 1] == 1
    assert mark_texts([], KNOWN).shape == (0, len(MARKS))
