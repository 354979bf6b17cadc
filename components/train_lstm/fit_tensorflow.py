"""The LSTM's training with Keras 3 on TensorFlow: loop, rows and bundle are PyTorch's."""

from __future__ import annotations

from pathlib import Path

import keras

from components.contract.artifact import publish
from components.contract.bundle import KIND
from components.contract.onnx_session import MODEL_FILE, Frame
from components.contract.tokens import Tokens
from components.train_lstm.graph import write_graph
from components.train_lstm.model import LstmClassifier
from components.train_lstm.network_tensorflow import LstmKerasNetwork
from components.train_lstm.settings import LstmSettings
from components.train_lstm.vectors import pretrained_vectors
from components.training.batches import TokenRows
from components.training.checkpoint import Checkpoint, training_key
from components.training.finish import VALIDATION_ROWS, finish
from components.training.inputs import open_inputs
from components.training.keras_learner import KerasLearner
from components.training.loop import History, Plan, Training
from components.training.schedule import one_cycle

WEIGHTS_CODE = ("training", "train_lstm")
"""What a checkpoint must not outlive; a change elsewhere should not cost hours of training."""


def fit_bundle(dataset: Path, tokens: Path, out: Path, settings: LstmSettings, stage: str) -> None:
    """Do what `train` promises, without its cache.

    Args:
        dataset: A published dataset.
        tokens: Its published tokens.
        out: Where the bundle is published.
        settings: The training's parameters.
        stage: Names the progress events.
    """
    data, encoded, tokenizer = open_inputs(dataset, tokens)
    frame = Frame(settings.max_tokens, tokenizer.padding)
    checkpoint = Checkpoint(out, training_key(encoded, settings, WEIGHTS_CODE, processes=1))
    network = LstmKerasNetwork(
        encoded.vocab_size,
        len(encoded.labels),
        settings.embedding,
        settings.hidden,
        settings.dropout,
        settings.seed,
    )
    if settings.vectors:
        network.start_from(
            pretrained_vectors(settings.vectors, encoded.vocab_size, settings.embedding)
        )
    with publish(out, KIND) as draft:
        history = fit(network, encoded, frame, settings, checkpoint, stage)
        file = draft.path / MODEL_FILE
        write_graph(network.arrays(), file)
        classifier = LstmClassifier(file, tokenizer, encoded.labels, settings.max_tokens)
        finish(draft, classifier, data, encoded, settings, history)
    checkpoint.remove()


def fit(
    network: LstmKerasNetwork,
    tokens: Tokens,
    frame: Frame,
    settings: LstmSettings,
    checkpoint: Checkpoint,
    stage: str,
) -> History:
    """Train the network on the train split; it ends with the best weights.

    Args:
        network: With its first weights.
        tokens: Published tokens.
        frame: How rows are cut and padded.
        settings: How to train.
        checkpoint: Where states are kept.
        stage: Names the progress events.

    Returns:
        Metrics by epoch.
    """
    optimizer = keras.optimizers.AdamW(
        settings.learning_rate,
        weight_decay=settings.weight_decay,
        epsilon=1e-8,  # torch's
        global_clipnorm=settings.clip,
    )
    plan = Plan(
        stage=stage,
        seed=settings.seed,
        epochs=settings.epochs,
        batch_rows=settings.batch_rows,
        patience=settings.patience,
        checkpoint_seconds=settings.checkpoint_seconds,
    )
    learner = KerasLearner(
        network,
        network.noise,
        optimizer,
        frame,
        TokenRows(tokens, "train", weighting=settings.class_weights),
        TokenRows(tokens, "validation", VALIDATION_ROWS, settings.class_weights),
    )
    return Training(learner, one_cycle(settings.warmup), plan, checkpoint).run()
