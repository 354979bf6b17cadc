"""The train-textcnn stage: tokens and settings in, a bundle that ONNX Runtime serves out."""

from __future__ import annotations

from pathlib import Path

from components.contract.artifact import Manifest, read_manifest
from components.contract.bundle import KIND
from components.contract.cache import cached
from components.contract.decorators import logged, timed, validated
from components.train_textcnn.model import TextCnnClassifier
from components.train_textcnn.settings import TextCnnSettings

STAGE = "train-textcnn"
CODE = ("contract", "training", "train_textcnn", "catalogue.py")


@cached(STAGE, kind=KIND, code=CODE)
@logged(STAGE)
@timed(STAGE)
@validated
def train(dataset: Path, tokens: Path, out: Path, settings: TextCnnSettings) -> Manifest:
    """Train a text-CNN on a dataset's tokens and publish its bundle at `out`."""
    # PyTorch takes seconds to import, which a cached result saves.
    from components.train_textcnn.network import TextCnn
    from components.training.torch_export import write_graph
    from components.training.torch_fit import Recipe, fit_bundle

    recipe = Recipe(
        stage=STAGE,
        code=("training", "train_textcnn"),
        build=lambda data: TextCnn(data.vocab_size, len(data.labels), settings),
        write=write_graph,
        classifier=TextCnnClassifier,
    )
    fit_bundle(dataset, tokens, out, settings, recipe)
    return read_manifest(out, KIND)
