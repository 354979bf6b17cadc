from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.contract.normalise import normalise

PIECES = (
    *("<", ">", "/", "b", "br", " ", "&", "amp;", "lt;", "gt;", "#", "60;", "#x3c;", "<br />"),
    *("<!--", "-->", '"', "=", "\x85", "\xa0", "e", "\u0301", "\u0338", "\x00", "\u037e", "\ufeff"),
)
MARKUP = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)
HOSTILE = (
    *("<b " * 30_000, "<b <b " * 9_000 + ">" * 18_000, "<!--" * 30_000, "&amp;" * 20_000),
    *("<b a='" * 20_000, "&" + "amp;" * 25_000 + "lt;", "<a " + "b=c " * 30_000),
    *("<" * 100_000, "<a" + " " * 100_000, "e" + "\u0301" * 50_000),
    *("a" + "\u0316\u0301" * 50_000, "&#x316;&#x301;" * 7_000, "\u0344" * 50_000),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text", "plain text"),
        ("  two  spaces\tand\na line ", "two spaces and a line"),
        ("one<br /><br />two", "one two"),
        ("<p class='x' id=a>A <b>bold</b> word</p>", "A bold word"),
        ('<A HREF="http://x.example/?a=b">link</A>', "link"),
        ("<!-- no --> yes <!DOCTYPE html>", "yes"),
        ("R&amp;D &quot;x&quot; &#39;y&#39; &#x27;z&#x27;", "R&D \"x\" 'y' 'z'"),
        ("&lt;br&gt;twice&amp;lt;br&amp;gt;", "twice"),
        ("non&nbsp;breaking\u3000wide", "non breaking wide"),
        (
            "it\x92s so\x85 \x93good\x94 \x96 really",
            "it\u2019s so\u2026 \u201cgood\u201d \u2013 really",
        ),
        ("&#151;", "—"),
        ("\x81\x8d", ""),
        ("nul\x00 bell\x07 bom\ufeff soft\xadhyphen", "nul bell bom softhyphen"),
        ("cafe\u0301", "café"),
        ("\u0645\u06cc\u200c\u062e 👩\u200d💻", "\u0645\u06cc\u200c\u062e 👩\u200d💻"),
        ("\u200b\ufeff", ""),
        ("&#xD800;&#99999999; &#1114112;", "\ufffd&#99999999; \ufffd"),
    ],
)
def test_what_is_mended(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a < b and b > c",
        "I <3 this",
        "x<y>z",
        "<John> said hi",
        "vector<int> v",
        "AT&T and R&D; rock&roll &nosuchthing; &copy2024",
        "if (a<b && c>d)",
        "a <b and c> d",
        "日本語のテキスト",
        "naïve",
    ],
)
def test_what_is_left_alone(text: str) -> None:
    assert normalise(text) == text


@given(st.one_of(st.text(), MARKUP))
def test_properties(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert len(once) <= 3 * len(text)
    assert unicodedata.is_normalized("NFC", once)
    assert once == " ".join(once.split())
    assert not any(unicodedata.category(c) == "Cc" for c in once)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="<&")))
def test_plain_ascii_passes_through(text: str) -> None:
    assert normalise(text) == text


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda text: text[:8])
def test_hostile_text_takes_no_more_than_linear_time(hostile: str) -> None:
    before = time.process_time()
    once = normalise(hostile)
    assert time.process_time() - before < 3
    assert normalise(once) == once


@pytest.mark.parametrize("text", ["\u0958" + "\u0316\u0301" * 40, "a" + "\u0344" * 100, "e" * 99])
def test_long_runs_of_marks_are_broken_once(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    runs = "".join("m" if unicodedata.combining(c) else " " for c in once).split()
    assert max(map(len, runs), default=0) <= 30


def test_marks_that_languages_use_stay() -> None:
    for text in (
        "e\u0301",
        "\u0926\u0947\u0935\u0928\u093e\u0917\u0930\u0940" * 9,
        "a" + "\u0316" * 30,
    ):
        assert normalise(text) == unicodedata.normalize("NFC", text)
