"""The train-bert stage: tokens and settings in, a bundle that ONNX Runtime serves out."""

from __future__ import annotations

from pathlib import Path

from components.contract.artifact import Manifest, read_manifest
from components.contract.bundle import KIND
from components.contract.cache import cached
from components.contract.decorators import logged, timed, validated
from components.train_bert.settings import BertSettings

STAGE = "train-bert"
CODE = ("contract", "training", "train_bert", "catalogue.py")


@cached(STAGE, kind=KIND, code=CODE)
@logged(STAGE)
@timed(STAGE)
@validated
def train(dataset: Path, tokens: Path, out: Path, settings: BertSettings) -> Manifest:
    """Fine-tune a pretrained encoder and publish its bundle.

    A killed training goes on from its last checkpoint. Under torchrun every process calls this
    with the same shared directories; gradients are averaged, the first process publishes.

    Args:
        dataset: A published dataset.
        tokens: Its published tokens, made by the encoder's tokenizer.
        out: Where the bundle is published.
        settings: Which encoder, and how it is fine-tuned.

    Returns:
        The manifest of the published bundle.

    Raises:
        TamisError: As `open_inputs`, `open_encoder`, `Training.run` and `publish`.
    """
    from components.train_bert.fit import fit_bundle  # torch: seconds that a cached result saves

    fit_bundle(dataset, tokens, out, settings, STAGE)
    return read_manifest(out, KIND)
