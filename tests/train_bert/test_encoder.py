from pathlib import Path

import pytest
import torch

from components.contract.errors import InputError
from components.tokenize.subword import BpeTokenizer, WordPieceTokenizer
from components.train_bert.encoder import freeze, open_encoder
from components.train_bert.network import BertNetwork


@pytest.fixture(scope="module")
def wordpiece(tiny_encoder: Path) -> WordPieceTokenizer:
    return WordPieceTokenizer.load(tiny_encoder)


def deep_encoder(folder: Path, layers: int) -> Path:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=30_522,
        hidden_size=8,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=16,
    )
    BertModel(config).save_pretrained(folder)
    return folder


def test_it_opens_without_its_pooler(tiny_encoder: Path, wordpiece: WordPieceTokenizer) -> None:
    encoder = open_encoder(str(tiny_encoder), wordpiece, 64)
    assert encoder.pooler is None
    assert all(parameter.dtype == torch.float32 for parameter in encoder.parameters())


def test_a_foreign_tokenizer_is_refused(tmp_path: Path, wordpiece: WordPieceTokenizer) -> None:
    from transformers import BertConfig, BertModel

    small = BertConfig(
        vocab_size=100, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8,
    )  # fmt: skip
    BertModel(small).save_pretrained(tmp_path)
    with pytest.raises(InputError) as caught:
        open_encoder(str(tmp_path), wordpiece, 64)
    assert caught.value.code == "tokenizer_mismatch"
    own = BpeTokenizer.train(iter([["a b c"]]), 300, 2, lowercase=True)
    assert own.vocab_size > 100  # any tokenizer with more ids is foreign


def test_more_tokens_than_positions_are_refused(
    tiny_encoder: Path, wordpiece: WordPieceTokenizer
) -> None:
    with pytest.raises(InputError) as caught:
        open_encoder(str(tiny_encoder), wordpiece, 129)
    assert caught.value.code == "bad_parameter"
    assert "128" in caught.value.message


def test_a_folder_without_an_encoder_is_told(tmp_path: Path, wordpiece: WordPieceTokenizer) -> None:
    with pytest.raises(InputError) as caught:
        open_encoder(str(tmp_path), wordpiece, 64)
    assert caught.value.code == "no_weights"


def test_pickled_weights_are_never_opened(
    tmp_path: Path, tiny_encoder: Path, wordpiece: WordPieceTokenizer
) -> None:
    (tmp_path / "config.json").write_bytes((tiny_encoder / "config.json").read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(InputError) as caught:
        open_encoder(str(tmp_path), wordpiece, 64)
    assert caught.value.code == "no_weights"


def test_frozen_layers_keep_their_weights(tmp_path: Path, wordpiece: WordPieceTokenizer) -> None:
    encoder = open_encoder(str(deep_encoder(tmp_path, 3)), wordpiece, 64)
    freeze(encoder, 2)
    trained = {name for name, p in encoder.named_parameters() if p.requires_grad}
    assert trained
    assert all(name.startswith("encoder.layer.2.") for name in trained)
    groups = BertNetwork(encoder, 2, 0.1).groups(1e-5, 1e-3, 0.01)
    assert sum(len(group["params"]) for group in groups) == len(trained) + 2


def test_freezing_nothing_or_everything(tmp_path: Path, wordpiece: WordPieceTokenizer) -> None:
    encoder = open_encoder(str(deep_encoder(tmp_path, 2)), wordpiece, 64)
    freeze(encoder, 0)
    assert all(parameter.requires_grad for parameter in encoder.parameters())
    with pytest.raises(InputError) as caught:
        freeze(encoder, 2)
    assert caught.value.code == "bad_parameter"
