import importlib.util
from typing import Any

import pytest
import spacy

from components.contract.errors import InputError, IntegrityError
from components.tokenize.spacy import pipeline
from components.tokenize.spacy.pipeline import Pipeline, open_pipeline, spacy_version
from components.tokenize.spacy.rules import rules_of
from tests.conftest import reviews


def identity(language: str) -> dict[str, Any]:
    rules = rules_of(spacy.blank(language).tokenizer)
    return {"language": language, "rules": rules, "spacy": spacy_version()}


@pytest.mark.parametrize("text", ["!" * 30_000, "😀" * 30_000, "a-" * 15_000, "x" * 30_000])
def test_no_word_is_longer_than_spacy_can_take(text: str) -> None:
    (words,) = open_pipeline(identity("en")).split([text])
    assert "".join(word for word, _ in words) == text
    assert max(len(word) for word, _ in words) <= 50


def test_what_spacy_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "STRINGS", 300)
    texts = [text for text, _ in reviews(each=100)]
    fresh, kept = open_pipeline(identity("en")), open_pipeline(identity("en"))
    made: list[Any] = []
    counted = Pipeline(lambda: made.append(fresh._make()) or made[-1], lemmas=False)
    for start in range(0, len(texts), 50):
        several = texts[start : start + 50]
        assert list(counted.split(several)) == list(kept.split(several))
        strings = len(counted._nlp.vocab.strings) - counted._known
        assert strings < 300 + sum(map(len, several))
    assert len(made) > 1


def test_chinese_is_split_with_no_spaces_at_all() -> None:
    (words,) = open_pipeline(identity("zh")).split(["电影很好看" * 40])
    assert [word for word, _ in words] == list("电影很好看" * 40)


@pytest.mark.parametrize("language", ["tlh", "../en", "EN", "", "en_core_web_sm"])
def test_an_unknown_language_is_one_sentence(language: str) -> None:
    with pytest.raises(InputError, match="can't split") as caught:
        pipeline.blank(language)
    assert caught.value.code == "no_pipeline"
    assert "\n" not in str(caught.value)


def test_a_segmenter_of_another_spacy_is_refused() -> None:
    with pytest.raises(IntegrityError, match=r"spaCy 3\.0\.0's segmenter for 'zh'") as caught:
        open_pipeline({**identity("zh"), "spacy": "3.0.0"})
    assert caught.value.code == "other_pipeline"


def test_rules_don_t_care_which_spacy_wrote_them() -> None:
    opened = open_pipeline({**identity("en"), "spacy": "3.0.0"})
    assert list(opened.split(["don't"])) == [[("do", ""), ("n't", "")]]


def test_without_spacy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"tamis\[spacy\]") as caught:
        open_pipeline(identity("en"))
    assert caught.value.code == "no_spacy"
    assert importlib.util.find_spec("spacy") is not None
