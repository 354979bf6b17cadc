"""The encoder's fine-tuning with PyTorch: imported only when a bundle has to be made."""

from __future__ import annotations

from pathlib import Path

import torch

from components.contract.artifact import publish
from components.contract.bundle import KIND
from components.contract.onnx_session import Frame
from components.contract.tokens import Tokens
from components.train_bert.encoder import freeze, open_encoder
from components.train_bert.engine import write_engine
from components.train_bert.network import BertNetwork
from components.train_bert.settings import BertSettings
from components.training.batches import TokenRows
from components.training.checkpoint import Checkpoint, training_key
from components.training.device import Device, training_device
from components.training.finish import VALIDATION_ROWS, finish
from components.training.inputs import open_inputs
from components.training.loop import History, Plan, Training
from components.training.schedule import warmup_linear
from components.training.torch_learner import TorchLearner

WEIGHTS_CODE = ("training", "train_bert")
"""What a checkpoint must not outlive; a change elsewhere should not cost hours of training."""


def fit_bundle(dataset: Path, tokens: Path, out: Path, settings: BertSettings, stage: str) -> None:
    """Do what `train` promises, without its cache.

    Args:
        dataset: A published dataset.
        tokens: Its published tokens.
        out: Where the bundle is published, by the first process of several.
        settings: The training's parameters.
        stage: Names the progress events.
    """
    data, encoded, tokenizer = open_inputs(dataset, tokens)
    frame = Frame(settings.max_tokens, tokenizer.padding, tokenizer.prefix, tokenizer.suffix)
    with training_device() as device:
        checkpoint = Checkpoint(
            out, training_key(encoded, settings, WEIGHTS_CODE, device.processes)
        )
        encoder = open_encoder(
            settings.encoder, tokenizer, settings.max_tokens, settings.encoder_dropout
        )
        freeze(encoder, settings.frozen_layers)
        torch.manual_seed(settings.seed)
        network = BertNetwork(encoder, len(encoded.labels), settings.dropout).to(device.torch)
        if device.main:
            with publish(out, KIND) as draft:
                history = fit(network, encoded, frame, settings, device, checkpoint, stage)
                classifier, draft.facts["engine"] = write_engine(
                    network, draft.path, tokenizer, encoded, settings
                )
                finish(draft, classifier, data, encoded, settings, history)
            checkpoint.remove()
        else:
            fit(network, encoded, frame, settings, device, checkpoint, stage)
        device.wait()


def fit(
    network: BertNetwork,
    tokens: Tokens,
    frame: Frame,
    settings: BertSettings,
    device: Device,
    checkpoint: Checkpoint,
    stage: str,
) -> History:
    """Train the network on the train split; it ends with the best weights.

    Args:
        network: On the device, with the encoder's pretrained weights.
        tokens: Published tokens.
        frame: How rows are cut, framed and padded.
        settings: How to train.
        device: Where.
        checkpoint: Where states are kept.
        stage: Names the progress events.

    Returns:
        Metrics by evaluation.
    """
    groups = network.groups(
        settings.learning_rate, settings.head_learning_rate, settings.weight_decay
    )
    plan = Plan(
        stage=stage,
        seed=settings.seed,
        epochs=settings.epochs,
        batch_rows=settings.batch_rows,
        patience=settings.patience,
        accumulate=settings.accumulate,
        evaluations=settings.evaluations,
        checkpoint_seconds=settings.checkpoint_seconds,
    )
    learner = TorchLearner(
        network,
        torch.optim.AdamW(groups, fused=True),
        frame,
        TokenRows(tokens, "train", weighting=settings.class_weights),
        TokenRows(tokens, "validation", VALIDATION_ROWS, settings.class_weights),
        settings.clip,
        device,
    )
    return Training(learner, warmup_linear(settings.warmup), plan, checkpoint).run()
