import json

import pytest
import spacy

from components.tokenize.spacy.rules import compiled, rules_of

TEXTS = [
    "I don't like Mr. Smith's U.S.A. film (10/10) :) ... it's 5km away, e.g. at http://a.org/b?c=d!",
    "Aujourd'hui, l'arrière-grand-père d'AUJOURD'HUI n'a qu'un prud'homme : c'est-à-dire 3,5 %.",
    "Die z.B. 20%ige Fußball-WM '06 — „sehr schön“ — kostete 3.000€.",
    "فيلم رائع، جدا! 5كم",
    "यह फ़िल्म अच्छी है।",
    "A film 2013-ban, 10%-os, pl. a 3-as.",
    "🎬🍿 🤷🏽‍♀️ <3 ¯\\_(ツ)_/¯",
    "",
    "  two  spaces\tand tab\n",
]


@pytest.mark.parametrize("language", ["xx", "en", "fr", "ar", "hu", "fi"])
def test_rules_kept_as_json_split_as_the_pipeline_does(language: str) -> None:
    nlp = spacy.blank(language)
    rules = json.loads(json.dumps(rules_of(nlp.tokenizer)))
    again = compiled(rules)(spacy.blank("xx").vocab)
    for text in TEXTS:
        assert [t.text for t in again(text)] == [t.text for t in nlp.tokenizer(text)]


def test_flags_are_kept() -> None:
    """French finds its hyphened words in capitals too, which spaCy's own files forget."""
    rules = rules_of(spacy.blank("fr").tokenizer)
    assert rules is not None
    assert rules["patterns"]["token_match"][1] & 2  # re.IGNORECASE


def test_a_segmenter_has_no_rules() -> None:
    assert rules_of(spacy.blank("zh").tokenizer) is None


@pytest.mark.parametrize(
    "change",
    [
        {"patterns": {}},
        {"exceptions": None},
        {"exceptions": {"a": 3}},
        {"patterns": {"prefix_search": ["(", 0]}},
    ],
    ids=["patterns", "exceptions", "pieces", "expression"],
)
def test_rules_that_make_no_sense_are_refused(change: dict[str, object]) -> None:
    rules = {**(rules_of(spacy.blank("xx").tokenizer) or {}), **change}
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        compiled(rules)
