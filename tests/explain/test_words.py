"""Words in any script: every character in exactly one, none torn apart."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.explain.words import merged, words

CASES = {
    "english": ("I\u2019m well-known, ok?", ["I\u2019m", "well-known", ",", "ok", "?"]),
    "chinese": ("电影很好", ["电", "影", "很", "好"]),
    "hindi": ("हिन्दी नहीं", ["हिन्दी", "नहीं"]),
    "arabic": ("مَرْحَبًا می‌خواهم", ["مَرْحَبًا", "می‌خواهم"]),
    "family": ("a👨‍👩‍👧b", ["a", "👨‍👩‍👧", "b"]),
    "flags": ("🇫🇷🇩🇪", ["🇫🇷", "🇩🇪"]),
    "skin": ("👍🏽!", ["👍🏽", "!"]),
    "empty": ("", []),
}


@pytest.mark.parametrize("name", CASES)
def test_words_are_what_people_point_at(name: str) -> None:
    text, expected = CASES[name]
    assert [text[start:end] for start, end in words(text)] == expected


@settings(deadline=None)
@given(st.text())
def test_every_character_but_white_space_is_in_exactly_one_word(text: str) -> None:
    found = words(text)
    covered = [place for start, end in found for place in range(start, end)]
    assert covered == sorted(set(covered))
    assert {i for i, c in enumerate(text) if not c.isspace()} <= set(covered)


@pytest.mark.parametrize(("number", "most"), [(0, 4), (3, 4), (4, 4), (5, 4), (1000, 7)])
def test_runs_of_words_hold_all_of_them(number: int, most: int) -> None:
    spans = [(2 * i, 2 * i + 1) for i in range(number)]
    runs = merged(spans, most)
    assert len(runs) <= most
    assert [s for s in spans for start, end in runs if start <= s[0] and s[1] <= end] == spans
