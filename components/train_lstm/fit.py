"""The LSTM's training with PyTorch: imported only when a bundle has to be made."""

from __future__ import annotations

from pathlib import Path

import torch

from components.contract.artifact import publish
from components.contract.bundle import KIND
from components.contract.onnx_session import MODEL_FILE, Frame
from components.contract.tokens import Tokens
from components.train_lstm.graph import write_graph
from components.train_lstm.model import LstmClassifier
from components.train_lstm.network import LstmNetwork
from components.train_lstm.settings import LstmSettings
from components.train_lstm.vectors import pretrained_vectors
from components.training.batches import TokenRows
from components.training.checkpoint import Checkpoint, training_key
from components.training.device import Device, training_device
from components.training.finish import VALIDATION_ROWS, finish
from components.training.inputs import open_inputs
from components.training.loop import History, Plan, Training
from components.training.schedule import one_cycle
from components.training.torch_learner import TorchLearner

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
    data, encoded, tokenizer = open_inputs(dataset, tokens)
    frame = Frame(settings.max_tokens, tokenizer.padding)
    with training_device() as device:
        checkpoint = Checkpoint(
            out, training_key(encoded, settings, WEIGHTS_CODE, device.processes)
        )
        torch.manual_seed(settings.seed)
        network = LstmNetwork(
            encoded.vocab_size,
            len(encoded.labels),
            settings.embedding,
            settings.hidden,
            settings.dropout,
        )
        if settings.vectors:
            network.start_from(
                pretrained_vectors(settings.vectors, encoded.vocab_size, settings.embedding)
            )
        network.to(device.torch)
        if device.main:
            with publish(out, KIND) as draft:
                history = fit(network, encoded, frame, settings, device, checkpoint, stage)
                file = draft.path / MODEL_FILE
                write_graph(network.weights(), file)
                classifier = LstmClassifier(file, tokenizer, encoded.labels, settings.max_tokens)
                finish(draft, classifier, data, encoded, settings, history)
            checkpoint.remove()
        else:
            fit(network, encoded, frame, settings, device, checkpoint, stage)
        device.wait()


def fit(
    network: LstmNetwork,
    tokens: Tokens,
    frame: Frame,
    settings: LstmSettings,
    device: Device,
    checkpoint: Checkpoint,
    stage: str,
) -> History:
    """Train the network on the train split; it ends with the best weights.

    Args:
        network: On the device, with its first weights.
        tokens: Published tokens.
        frame: How rows are cut and padded.
        settings: How to train.
        device: Where.
        checkpoint: Where states are kept.
        stage: Names the progress events.

    Returns:
        Metrics by epoch.
    """
    optimizer = torch.optim.AdamW(
        network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    plan = Plan(
        stage=stage,
        seed=settings.seed,
        epochs=settings.epochs,
        batch_rows=settings.batch_rows,
        patience=settings.patience,
        checkpoint_seconds=settings.checkpoint_seconds,
    )
    learner = TorchLearner(
        network,
        optimizer,
        frame,
        TokenRows(tokens, "train", weighting=settings.class_weights),
        TokenRows(tokens, "validation", VALIDATION_ROWS, settings.class_weights),
        settings.clip,
        device,
    )
    return Training(learner, one_cycle(settings.warmup), plan, checkpoint).run()
