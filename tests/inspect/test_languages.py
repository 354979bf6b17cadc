# ruff: noqa: RUF001 - other scripts' letters are meant

from __future__ import annotations

import collections

import pytest

from components.inspect.languages import NO_LETTERS, language
from tests.conftest import reviews

TEXTS = {
    "English": "This is the best film that I have seen in years.",
    "French": "C'est le meilleur film que j'ai vu dans ma vie, et je ne le regrette pas.",
    "German": "Das ist der beste Film, den ich nicht im Kino gesehen habe.",
    "Spanish": "Es la mejor película que he visto en mi vida, y no se la pierda.",
    "Italian": "È il film più bello che ho visto, e non è il solo.",
    "Portuguese": "Não é o melhor filme que vi, mas é muito bom com uma pipoca.",
    "Dutch": "Het is niet de beste film van het jaar, maar er zijn slechtere.",
    "Polish": "To nie jest najlepszy film, jaki widziałem, ale się podobał.",
    "Turkish": "Bu çok güzel bir film ve bana göre daha iyi değil.",
    "Russian": "Это не самый плохой фильм, который я видел, но он был лучше.",
    "Ukrainian": "Це не найгірший фільм, але він був кращий, і я його бачив.",
    "Arabic": "هذا أفضل فيلم شاهدته في حياتي",
    "Persian": "این بهترین فیلمی است که دیده‌ام، چرا پسندیدید",
    "Hebrew": "זה הסרט הטוב ביותר שראיתי",
    "Greek": "Αυτή είναι η καλύτερη ταινία",
    "Chinese": "这是我看过的最好的电影",
    "Japanese": "これは私が見た中で最高の映画です",
    "Korean": "내가 본 최고의 영화입니다",
    "Hindi": "यह सबसे अच्छी फिल्म है",
    "Thai": "นี่คือภาพยนตร์ที่ดีที่สุด",
    NO_LETTERS: "12:30 😀👍🏽 !!! ½ €",
    "undetermined (Latin)": "Lorem Xyz 42",
    "undetermined (Cyrillic)": "Абвгд",
}


@pytest.mark.parametrize(("name", "text"), TEXTS.items(), ids=list(TEXTS))
def test_a_text_is_known(name: str, text: str) -> None:
    assert language(text) == name
    assert language(f"{text} 😀 ok" if name != NO_LETTERS else text) == name


def test_nothing_has_no_language() -> None:
    assert language("") == language(" \t") == NO_LETTERS


def test_real_sentences_are_english_or_undetermined() -> None:
    found = collections.Counter(language(text) for text, _ in reviews(each=500))
    assert found["English"] > 0.85 * found.total()
    assert found["English"] + found["undetermined (Latin)"] > 0.97 * found.total()
