"""From a PyTorch network to a published bundle: what an architecture needs not write itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from components.contract.artifact import publish
from components.contract.bundle import KIND
from components.contract.onnx_session import MODEL_FILE, Frame, OnnxClassifier
from components.contract.tokens import Tokens
from components.training.balance import Weighting
from components.training.batches import TokenRows
from components.training.checkpoint import Checkpoint, training_key
from components.training.device import Device, training_device
from components.training.finish import VALIDATION_ROWS, finish
from components.training.inputs import open_inputs
from components.training.loop import History, Plan, Training
from components.training.schedule import one_cycle
from components.training.torch_learner import TorchLearner


class FitSettings(Protocol):
    """What the training reads of an architecture's settings; `LstmSettings` explains each."""

    @property
    def seed(self) -> int: ...
    @property
    def max_tokens(self) -> int: ...
    @property
    def warmup(self) -> float: ...
    @property
    def epochs(self) -> int: ...
    @property
    def batch_rows(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def clip(self) -> float: ...
    @property
    def patience(self) -> int: ...
    @property
    def checkpoint_seconds(self) -> float: ...
    @property
    def class_weights(self) -> Weighting: ...


@dataclass(frozen=True)
class Recipe:
    """What an architecture brings to its training.

    Attributes:
        stage: Names the progress events, e.g. `train-lstm`.
        code: Folders under `components/` that a checkpoint must not outlive; a change elsewhere
            should not cost hours of training.
        build: Makes the network with its first weights, for the data's vocabulary and labels; it
            takes ids (b, t) int64 and lengths (b,) int64, and gives logits (b, k).
        write: Writes the trained network as an ONNX file with `OnnxClassifier`'s outputs.
        classifier: What serves that file.
    """

    stage: str
    code: tuple[str, ...]
    build: Callable[[Tokens], torch.nn.Module]
    write: Callable[[Any, Path], None]
    classifier: type[OnnxClassifier]


def fit_bundle(
    dataset: Path, tokens: Path, out: Path, settings: FitSettings, recipe: Recipe
) -> None:
    """Train a network and publish its bundle, alone or as one of torchrun's processes.

    The same data, settings, machine and threads give the same weights, and a killed training goes
    on from its last checkpoint.

    Args:
        dataset: A published dataset.
        tokens: Its published tokens.
        out: Where the bundle is published, by the first process of several.
        settings: The training's parameters, a dataclass.
        recipe: What is trained.

    Raises:
        TamisError: As `open_inputs`, `Training.run` and `publish`.
    """
    data, encoded, tokenizer = open_inputs(dataset, tokens)
    ends = (tokenizer.prefix, tokenizer.suffix) if recipe.classifier.framed else ((), ())
    frame = Frame(settings.max_tokens, tokenizer.padding, *ends)
    with training_device() as device:
        key = training_key(encoded, settings, recipe.code, device.processes)
        checkpoint = Checkpoint(out, key)
        torch.manual_seed(settings.seed)
        network = recipe.build(encoded).to(device.torch)

        def fit() -> History:
            return _fit(network, encoded, frame, settings, device, checkpoint, recipe.stage)

        if device.main:
            with publish(out, KIND) as draft:
                history = fit()
                file = draft.path / MODEL_FILE
                recipe.write(network, file)
                classifier = recipe.classifier(file, tokenizer, encoded.labels, settings.max_tokens)
                finish(draft, classifier, data, encoded, settings, history)
            checkpoint.remove()
        else:
            fit()
        device.wait()


def _fit(
    network: torch.nn.Module,
    tokens: Tokens,
    frame: Frame,
    settings: FitSettings,
    device: Device,
    checkpoint: Checkpoint,
    stage: str,
) -> History:
    """Train the network on the train split; it ends with the best weights."""
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
