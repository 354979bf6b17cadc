"""The LSTM's training with PyTorch: imported only when a bundle has to be made."""

from __future__ import annotations

from pathlib import Path

from components.contract.tokens import Tokens
from components.train_lstm.graph import write_graph
from components.train_lstm.model import LstmClassifier
from components.train_lstm.network import LstmNetwork
from components.train_lstm.settings import LstmSettings
from components.train_lstm.vectors import pretrained_vectors
from components.training import torch_fit

WEIGHTS_CODE = ("training", "train_lstm")
"""What a checkpoint must not outlive; a change elsewhere should not cost hours of training."""


def fit_bundle(dataset: Path, tokens: Path, out: Path, settings: LstmSettings, stage: str) -> None:
    """Do what `train` promises, without its cache.

    Args:
        dataset: A published dataset.
        tokens: Its published tokens.
        out: Where the bundle is published, by the first process of several.
        settings: The training's parameters.
        stage: Names the progress events.
    """
    recipe = torch_fit.Recipe(
        stage=stage,
        code=WEIGHTS_CODE,
        build=lambda data: _network(data, settings),
        write=lambda network, file: write_graph(network.weights(), file),
        classifier=LstmClassifier,
    )
    torch_fit.fit_bundle(dataset, tokens, out, settings, recipe)


def _network(tokens: Tokens, settings: LstmSettings) -> LstmNetwork:
    """The network with its first weights."""
    network = LstmNetwork(
        tokens.vocab_size,
        len(tokens.labels),
        settings.embedding,
        settings.hidden,
        settings.dropout,
    )
    if settings.vectors:
        vectors = pretrained_vectors(settings.vectors, tokens.vocab_size, settings.embedding)
        network.start_from(vectors)
    return network
