from collections import Counter
from pathlib import Path

import pytest
import spacy

from components.contract.errors import InputError
from components.tokenize import lemmas, words
from components.tokenize.lemmas import lookup_lemmas, told_by
from components.tokenize.settings import TokenizerSettings
from components.tokenize.spacy.tokenizer import FIRST, UNKNOWN, SpacyTokenizer
from components.tokenize.words import train_spacy
from tests.conftest import reviews

TEXTS = [text for text, _ in reviews(each=150)]


def train(texts: list[str] = TEXTS, **settings: object) -> SpacyTokenizer:
    chosen = TokenizerSettings("spacy", **{"pipeline": "blank:en", **settings})  # type: ignore[arg-type]
    return train_spacy(iter([texts]), chosen)


def test_words_get_ids_by_how_often_they_are_said() -> None:
    nlp = spacy.blank("en")
    counted = Counter(token.lower_ for text in TEXTS for token in nlp(text))
    expected = sorted((-n, word) for word, n in counted.items() if n >= 3)
    tokenizer = train(min_frequency=3)
    ids = [tokenizer.encode([word]).ids.tolist() for _, word in expected]
    assert ids == [[FIRST + i] for i in range(len(expected))]
    assert tokenizer.vocab_size == FIRST + len(expected)


def test_the_vocabulary_is_no_larger_than_allowed() -> None:
    tokenizer = train(vocab_size=300)
    assert tokenizer.vocab_size == 300
    assert tokenizer.encode(["zyzzyva"]).ids.tolist() == [UNKNOWN]


def test_case_is_kept_where_it_is_wanted() -> None:
    texts = ["Apple apple"]
    assert len(set(train(texts, min_frequency=1, lowercase=False).encode(texts).ids)) == 2
    assert len(set(train(texts, min_frequency=1).encode(texts).ids)) == 1


def test_stop_words_are_left_out() -> None:
    text = "This is not the best of films"
    kept, left_out = train(), train(remove_stop_words=True)
    assert kept.encode([text]).lengths.tolist() == [7]
    nlp = spacy.blank("en")
    assert left_out.encode([text]).lengths[0] == sum(not token.is_stop for token in nlp(text)) == 2


@pytest.mark.parametrize(("language", "lowercase"), [("en", True), ("en", False), ("de", True)])
def test_lemmas_are_those_of_spacys_lookup_lemmatizer(language: str, lowercase: bool) -> None:
    """Held against spaCy's own component: equal lemmas, equal ids."""
    table = lookup_lemmas(language)
    every = [word for word in sorted(table) if word.isalpha() and word.islower()][::997]
    nlp = spacy.blank(language)
    nlp.add_pipe("lemmatizer", config={"mode": "lookup"}).initialize()
    theirs = {word: nlp(word)[0].lemma_ for word in every if len(nlp(word)) == 1}
    chosen = {"pipeline": f"blank:{language}", "min_frequency": 1, "lowercase": lowercase}
    tokenizer = train(list(theirs.values()) + list(theirs), lemmas=True, **chosen)
    ids = {word: tokenizer.encode([word]).ids.tolist() for word in theirs}
    fold = str.lower if lowercase else str
    for word, lemma in theirs.items():
        again = tokenizer._vocabulary.get(fold(lemma))
        assert again is not None
        assert ids[word] == [again], word


def test_no_more_of_the_table_is_carried_than_is_told_apart() -> None:
    table = lookup_lemmas("en")
    tokenizer = train(lemmas=True)
    carried = tokenizer._document["lemmas"]
    assert len(carried) < len(table) / 2
    whole = SpacyTokenizer({**tokenizer._document, "lemmas": table})
    some = [*tokenizer._vocabulary, *list(table)[::7]]
    every = [*some, *(word.title() for word in some), *(word.upper() for word in some)]
    for start in range(0, len(every), 5_000):
        several = " ".join(every[start : start + 5_000])
        assert tokenizer.encode([several]).ids.tolist() == whole.encode([several]).ids.tolist()


@pytest.mark.parametrize("fold", [str.lower, str], ids=["lowercase", "case"])
def test_a_lemma_outside_the_vocabulary_is_no_other_word(fold: type[str]) -> None:
    table = {"Cats": "cat", "cats": "Tom", "ran": "run", "run": "walk", "b": "c"}
    kept = told_by(table, {"run", "cat"}, fold)
    assert kept["ran"] == "run"
    assert kept["run"] is None  # it has an id, which its own lemma hasn't
    assert kept["Cats"] == "cat"
    assert "b" not in kept


def test_lemmas_without_tables_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lemmas, "PACKAGE", "spacy_lookups_data_that_nobody_has")
    with pytest.raises(InputError, match="spacy-lookups-data") as caught:
        train(lemmas=True)
    assert caught.value.code == "no_lemmas"
    assert "tamis[lemmas]" in caught.value.hint


def test_a_language_without_lemmas_is_one_sentence() -> None:
    with pytest.raises(InputError, match="no lemmas of 'xx'") as caught:
        train(lemmas=True, pipeline="blank:xx")
    assert caught.value.code == "no_lemmas"


def test_the_same_texts_give_the_same_tokenizer(tmp_path: Path) -> None:
    first, second = train(lemmas=True), train(lemmas=True)
    assert first.digest == second.digest
    assert train(lemmas=True, min_frequency=3).digest != first.digest


def test_too_many_different_words_cost_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "COUNTED", 500)
    batches = [TEXTS[i : i + 20] for i in range(0, len(TEXTS), 20)]
    settings = TokenizerSettings("spacy", pipeline="blank:en", min_frequency=1)
    tokenizer = train_spacy(iter(batches), settings)
    assert tokenizer.vocab_size <= 500 + FIRST
    often = [word for word, _ in Counter(" ".join(TEXTS).split()).most_common(20)]
    assert all(tokenizer.encode([word]).ids.tolist() != [UNKNOWN] for word in often)
