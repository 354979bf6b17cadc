import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import onnx
import pytest

from components.catalogue import open_classifier
from components.contract.artifact import Manifest, read_manifest, verify
from components.contract.dataset import Dataset
from components.train_lstm.settings import LstmSettings
from components.train_lstm.train import train
from tests.conftest import ROOT, run_python

SMALL = LstmSettings(
    framework="tensorflow", embedding=16, hidden=16, epochs=6, max_tokens=40, batch_rows=16,
    learning_rate=1e-2, patience=6,
)  # fmt: skip
TORCH = dataclasses.replace(SMALL, framework="torch", epochs=1)


@pytest.fixture(scope="module")
def published(
    dataset: Path, tokens: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Manifest]:
    out = tmp_path_factory.mktemp("lstm") / "bundle"
    return out, train(dataset, tokens, out, SMALL)


def test_the_bundle_is_the_one_that_torch_makes(
    published: tuple[Path, Manifest], dataset: Path, tokens: Path, tmp_path: Path
) -> None:
    out, manifest = published
    assert manifest == read_manifest(out, "bundle")
    theirs = train(dataset, tokens, tmp_path / "torch", TORCH)
    assert manifest.files.keys() == theirs.files.keys()
    assert manifest.facts.keys() == theirs.facts.keys()
    assert manifest.facts["architecture"] == theirs.facts["architecture"]
    assert manifest.facts["settings"]["framework"] == "tensorflow"
    history = [
        json.loads((path / "history.json").read_text()) for path in (out, tmp_path / "torch")
    ]
    assert history[0][0].keys() == history[1][0].keys()
    graphs = [onnx.load(path / "model.onnx").graph for path in (out, tmp_path / "torch")]
    assert graphs[0].node == graphs[1].node
    shapes = [{t.name: tuple(t.dims) for t in graph.initializer} for graph in graphs]
    assert shapes[0] == shapes[1]


def test_it_learns_and_is_served(published: tuple[Path, Manifest], dataset: Path) -> None:
    _, classifier = open_classifier(published[0])
    rows = [
        (text, label)
        for batch in Dataset.open(dataset).batches("train")
        for text, label in zip(batch.texts, batch.labels, strict=True)
    ]
    guessed = classifier.predict_proba([text for text, _ in rows]).argmax(axis=1)
    assert (guessed == [label for _, label in rows]).mean() > 0.75


def test_the_seed_decides_the_result(dataset: Path, tokens: Path, tmp_path: Path) -> None:
    def graph(name: str, seed: int) -> str:
        settings = dataclasses.replace(SMALL, epochs=1, seed=seed)
        return train(dataset, tokens, tmp_path / name, settings).files["model.onnx"]

    assert graph("a", 5) == graph("b", 5) != graph("c", 6)


def test_vectors_of_an_encoder_are_where_it_starts(
    dataset: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    from components.tokenize.settings import TokenizerSettings
    from components.tokenize.tokenize import tokenize

    tokens = tmp_path / "tokens"
    tokenize(dataset, tokens, TokenizerSettings("wordpiece", encoder=str(tiny_encoder)))
    plain = dataclasses.replace(SMALL, embedding=8, hidden=8, epochs=1)
    informed = dataclasses.replace(plain, vectors=str(tiny_encoder))
    made = [train(dataset, tokens, tmp_path / n, s) for n, s in (("a", plain), ("b", informed))]
    assert made[0].files["model.onnx"] != made[1].files["model.onnx"]


@pytest.mark.parametrize(
    ("framework", "stranger"), [("tensorflow", "torch"), ("torch", "tensorflow")]
)
def test_a_framework_never_imports_the_other(
    framework: str, stranger: str, dataset: Path, tokens: Path, tmp_path: Path
) -> None:
    script = (
        "import sys; from pathlib import Path;"
        "from components.train_lstm.settings import LstmSettings;"
        "from components.train_lstm.train import train;"
        "d, t, o, framework, stranger = sys.argv[1:];"
        "s = LstmSettings(framework=framework, epochs=1, embedding=4, hidden=4, max_tokens=8);"
        "train(Path(d), Path(t), Path(o), s);"
        "print(framework in sys.modules, stranger in sys.modules)"
    )
    told = run_python(script, str(dataset), str(tokens), str(tmp_path / "o"), framework, stranger)
    assert told.splitlines()[-1] == "True False"


def test_a_killed_process_goes_on_from_its_checkpoint(
    dataset: Path, tokens: Path, tmp_path: Path
) -> None:
    small = {"epochs": 3, "embedding": 8, "hidden": 8, "max_tokens": 32, "batch_rows": 16}
    settings = {"framework": "tensorflow", "checkpoint_seconds": 0.2, "seed": 5, **small}
    params = tmp_path / "params.yaml"
    params.write_text(json.dumps({"architectures": {"lstm": settings}}))
    command = [sys.executable, "-m", "components.train_lstm", "--dataset", str(dataset)]
    command += ["--tokens", str(tokens), "--out", str(tmp_path / "out"), "--params", str(params)]
    first = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    latest = tmp_path / ".out.checkpoint" / "latest" / "manifest.json"
    deadline = time.monotonic() + 120
    while not latest.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    assert not (tmp_path / "out").exists()

    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    events = [json.loads(line) for line in second.stderr.splitlines() if line.startswith("{")]
    resumed = [event for event in events if event["event"] == "resumed"]
    assert len(resumed) == 1, second.stderr
    assert resumed[0]["step"] > 0
    assert not (tmp_path / ".out.checkpoint").exists()
    verify(tmp_path / "out", "bundle")

    # and the result is what an uninterrupted training gives
    whole = train(dataset, tokens, tmp_path / "whole", LstmSettings(**settings))  # type: ignore[arg-type]
    assert whole.digest == read_manifest(tmp_path / "out").digest
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
