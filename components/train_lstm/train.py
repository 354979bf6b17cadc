"""The train-lstm stage: tokens and settings in, a bundle that ONNX Runtime serves out."""

from __future__ import annotations

from pathlib import Path

from components.contract.artifact import Manifest, read_manifest
from components.contract.bundle import KIND
from components.contract.cache import cached
from components.contract.decorators import logged, timed, validated
from components.train_lstm.settings import LstmSettings

STAGE = "train-lstm"
CODE = ("contract", "training", "train_lstm", "catalogue.py")


@cached(STAGE, kind=KIND, code=CODE)
@logged(STAGE)
@timed(STAGE)
@validated
def train(dataset: Path, tokens: Path, out: Path, settings: LstmSettings) -> Manifest:
    """Train a bidirectional LSTM and publish its bundle.

    The same data, settings, machine and threads give the same graph, byte for byte. A killed
    training goes on from its last checkpoint. Under torchrun every process calls this with the
    same shared directories (PyTorch only).

    Args:
        dataset: A published dataset.
        tokens: Its published tokens.
        out: Where the bundle is published.
        settings: How the LSTM is built and trained.

    Returns:
        The manifest of the published bundle.

    Raises:
        TamisError: As `open_inputs`, `Training.run` and `publish`; `not_installed` and
            `one_process_only` as `start_tensorflow`.
    """
    # Either framework takes seconds to import, which a cached result saves.
    if settings.framework == "tensorflow":
        from components.training.tensorflow_runtime import start_tensorflow

        start_tensorflow()
        from components.train_lstm.fit_tensorflow import fit_bundle
    else:
        from components.train_lstm.fit import fit_bundle
    fit_bundle(dataset, tokens, out, settings, STAGE)
    return read_manifest(out, KIND)
