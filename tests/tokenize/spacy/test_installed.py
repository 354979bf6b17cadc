import sys
from pathlib import Path

import pytest

from components.contract.errors import InputError, IntegrityError
from components.tokenize.settings import TokenizerSettings
from components.tokenize.spacy import installed
from components.tokenize.spacy.tokenizer import SpacyTokenizer
from components.tokenize.words import train_spacy
from tests.conftest import reviews
from tests.tokenize.spacy.package import NAME, install

SETTINGS = TokenizerSettings("spacy", pipeline=NAME, lemmas=True, min_frequency=1)


def train(settings: TokenizerSettings = SETTINGS) -> SpacyTokenizer:
    return train_spacy(iter([[text for text, _ in reviews(each=40)]]), settings)


def test_its_lemmas_become_ids(tiny: Path) -> None:
    tokenizer = train_spacy(iter([["the films were moving", "a film"]]), SETTINGS)
    films, film = tokenizer.encode(["films", "film"]).ids
    assert films == film
    plain = train_spacy(
        iter([["the films were moving", "a film"]]),
        TokenizerSettings("spacy", pipeline=NAME, min_frequency=1),
    )
    films, film = plain.encode(["films", "film"]).ids
    assert films != film


def test_a_text_is_the_same_in_any_company(tiny: Path) -> None:
    texts = [text for text, _ in reviews(each=60)]
    tokenizer = train()
    together = tokenizer.encode(texts)
    for row, text in enumerate(texts):
        assert tokenizer.encode([text]).ids.tolist() == together.text(row).tolist()


def test_the_package_itself_is_never_imported(tiny: Path, tmp_path: Path) -> None:
    train().save(tmp_path)
    SpacyTokenizer.load(tmp_path)
    assert NAME not in sys.modules


def test_another_version_is_refused(tiny: Path, tmp_path: Path) -> None:
    train().save(tmp_path)
    before, after = (tiny / f"{NAME}-{version}" for version in ("1.0.0", "1.0.1"))
    before.rename(after)
    meta = tiny / "meta.json"
    meta.write_text(meta.read_text().replace("1.0.0", "1.0.1"))
    with pytest.raises(IntegrityError, match=r"1\.0\.0 .* here 1\.0\.1") as caught:
        SpacyTokenizer.load(tmp_path)
    assert caught.value.code == "other_pipeline"


def test_a_changed_file_of_the_same_version_is_refused(tiny: Path, tmp_path: Path) -> None:
    train().save(tmp_path)
    file = tiny / f"{NAME}-1.0.0" / "tokenizer"
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(IntegrityError) as caught:
        SpacyTokenizer.load(tmp_path)
    assert caught.value.code == "other_pipeline"


@pytest.mark.parametrize("name", ["en_absent_words", "json", "os.path", "../x", "", "numpy"])
def test_what_is_no_installed_pipeline_is_one_sentence(name: str) -> None:
    with pytest.raises(InputError) as caught:
        installed.find(name)
    assert caught.value.code == "no_pipeline"


def test_a_pipeline_without_lemmas_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    install(tmp_path, lemmas=False)
    with pytest.raises(InputError, match="makes no lemmas") as caught:
        train()
    assert caught.value.code == "no_lemmas"


def test_a_broken_pipeline_is_one_sentence(tiny: Path) -> None:
    (tiny / f"{NAME}-1.0.0" / "config.cfg").write_text("[nlp]\n")
    with pytest.raises(InputError, match="can't be opened") as caught:
        train()
    assert caught.value.code == "no_pipeline"
    assert "\n" not in str(caught.value)
