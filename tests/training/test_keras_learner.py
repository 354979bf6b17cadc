import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from components.contract.errors import TamisError
from components.contract.onnx_session import Frame
from components.contract.tokens import Tokens
from components.train_lstm.network_tensorflow import LstmKerasNetwork
from components.training.batches import TokenRows
from components.training.checkpoint import Checkpoint
from components.training.keras_learner import KerasLearner
from components.training.learner import Arrays
from components.training.loop import History, Plan, Training
from components.training.schedule import warmup_linear
from components.training.tensorflow_runtime import start_tensorflow

PLAN = Plan(stage="test", seed=1, epochs=2, batch_rows=64, patience=9, evaluations=2)


@pytest.fixture(autouse=True)
def tensorflow() -> None:
    start_tensorflow()


class KilledError(Exception):
    """Raised where a test's training is cut short."""


class Fragile(Checkpoint):
    """A checkpoint whose process dies right after a given number of saves."""

    def __init__(self, out: Path, saves: int) -> None:
        super().__init__(out, "key")
        self.left = saves

    def save(self, name: str, state: Mapping[str, Any], **arrays: Arrays) -> None:
        super().save(name, state, **arrays)
        self.left -= name == "latest"
        if self.left == 0:
            raise KilledError


def fit(
    tokens: Path, checkpoint: Checkpoint, rate: float = 5e-3, dropout: float = 0.3, **changed: Any
) -> tuple[LstmKerasNetwork, History]:
    encoded = Tokens.open(tokens)
    network = LstmKerasNetwork(encoded.vocab_size, 2, 8, 8, dropout, seed=0)
    learner = KerasLearner(
        network,
        network.noise,
        keras.optimizers.AdamW(rate, weight_decay=0.01, global_clipnorm=1.0),
        Frame(32, 0),
        TokenRows(encoded, "train"),
        TokenRows(encoded, "validation"),
    )
    plan = dataclasses.replace(PLAN, **changed)
    return network, Training(learner, warmup_linear(), plan, checkpoint).run()


def assert_equal_weights(left: LstmKerasNetwork, right: LstmKerasNetwork) -> None:
    for own, other in zip(left.trainable_variables, right.trainable_variables, strict=True):
        np.testing.assert_array_equal(own.numpy(), other.numpy(), err_msg=own.path)


@pytest.mark.parametrize("saves", [1, 9])
def test_a_resumed_training_ends_with_the_very_same_weights(
    tokens: Path, tmp_path: Path, saves: int
) -> None:
    uninterrupted, expected = fit(tokens, Checkpoint(tmp_path / "a", "key"))
    with pytest.raises(KilledError):
        fit(tokens, Fragile(tmp_path / "b", saves), checkpoint_seconds=0)
    resumed, history = fit(tokens, Checkpoint(tmp_path / "b", "key"))
    assert_equal_weights(resumed, uninterrupted)
    assert history == expected


def test_accumulated_batches_make_the_step_of_one_large_batch(tokens: Path, tmp_path: Path) -> None:
    rows = len(TokenRows(Tokens.open(tokens), "train"))
    once = {"dropout": 0.0, "epochs": 1, "evaluations": 1}
    at_once, _ = fit(tokens, Checkpoint(tmp_path / "a", "key"), batch_rows=rows, **once)
    in_parts, _ = fit(
        tokens, Checkpoint(tmp_path / "b", "key"), batch_rows=99, accumulate=10**6, **once
    )
    pairs = zip(at_once.trainable_variables, in_parts.trainable_variables, strict=True)
    for own, other in pairs:
        np.testing.assert_allclose(own.numpy(), other.numpy(), atol=2e-5, err_msg=own.path)


def test_the_best_weights_are_kept(tokens: Path, tmp_path: Path) -> None:
    # far too high a rate: later epochs are worse than the best one
    network, history = fit(
        tokens, Checkpoint(tmp_path / "a", "key"), rate=1e-1, dropout=0.0, epochs=6, patience=2
    )
    kept = Checkpoint(tmp_path / "a", "key").load("best")
    assert kept is not None
    for variable in network.trainable_variables:
        np.testing.assert_array_equal(variable.numpy(), kept[1]["network"][variable.path])
    merits = [(entry["validation_accuracy"], -entry["validation_loss"]) for entry in history]
    assert merits.index(max(merits)) == len(history) - 3  # two evaluations without progress


def test_a_loss_that_is_no_number_is_told(tokens: Path, tmp_path: Path) -> None:
    with pytest.raises(TamisError) as caught:
        fit(tokens, Checkpoint(tmp_path / "a", "key"), rate=1e30)
    assert caught.value.code == "diverged"
