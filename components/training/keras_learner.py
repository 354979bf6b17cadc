"""The loop's learner in Keras 3 on TensorFlow, in one process."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.contract.calibration import Logits
from components.contract.onnx_session import Frame
from components.training.batches import Rows, TokenRows, scoring_batches
from components.training.finish import loss_and_accuracy
from components.training.learner import Arrays

IDS = tf.TensorSpec((None, None), tf.int64)
NUMBERS = tf.TensorSpec((None,), tf.int64)
SCALE = tf.TensorSpec((), tf.float32)
"""Any shape of batch, so that a new one never means a new graph."""


class KerasLearner:
    """See `Learner` for its attributes.

    Args:
        network: Built; called with ids (b, t) int64 and lengths (b,) int64, gives logits (b, k).
        noise: The one source of the network's dropout.
        optimizer: Clips its gradients; its learning rate is the peak of the schedule.
        frame: How rows of ids become rectangles.
        rows: The training rows.
        validation: The rows that choose the best weights.
    """

    rank, processes = 0, 1

    def __init__(
        self,
        network: keras.Model,
        noise: keras.random.SeedGenerator,
        optimizer: keras.optimizers.Optimizer,
        frame: Frame,
        rows: TokenRows,
        validation: TokenRows,
    ) -> None:
        self.lengths = np.minimum(rows.lengths, frame.max_tokens)
        self.validates = len(validation) > 0
        self._network, self._noise, self._optimizer = network, noise, optimizer
        self._frame, self._rows, self._validation = frame, rows, validation
        self._peak = float(optimizer.learning_rate)
        self._trained = network.trainable_variables
        optimizer.build(self._trained)
        self._gradients = tf.function(
            self._differentiate, input_signature=[IDS, NUMBERS, NUMBERS, SCALE]
        )
        self._logits = tf.function(network, input_signature=[IDS, NUMBERS])
        self._apply = tf.function(self._move)

    def step(self, group: list[Rows], factor: float, seed: int) -> float:
        self._noise.state.assign(np.array([seed, 0], np.uint32))
        self._optimizer.learning_rate = self._peak * factor
        rows = sum(len(batch) for batch in group)
        total, gradients = 0.0, [tf.zeros_like(v.value) for v in self._trained]
        for batch in group:
            ids, lengths = self._rows.rectangle(batch, self._frame)
            targets = self._rows.targets(batch)
            loss, own = self._gradients(ids, lengths, targets, np.float32(1 / rows))
            gradients = [sum_ + part for sum_, part in zip(gradients, own, strict=True)]
            total += float(loss)
        if math.isfinite(total):
            self._apply(gradients)
        return total

    def _differentiate(self, ids: Any, lengths: Any, targets: Any, scale: Any) -> Any:
        """Loss and gradients, every one of them dense: a step moves and decays all weights."""
        with tf.GradientTape() as tape:
            logits = self._network(ids, lengths, training=True)
            losses = keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)
            if self._rows.weights is not None:
                losses = losses * keras.ops.take(self._rows.weights, targets)
            loss = keras.ops.sum(losses) * scale
        gradients = tape.gradient(loss, [variable.value for variable in self._trained])
        return loss, [tf.convert_to_tensor(gradient) for gradient in gradients]

    def _move(self, gradients: Sequence[Any]) -> None:
        self._optimizer.apply(gradients, self._trained)

    def evaluate(self) -> tuple[float, float]:
        rows = self._validation
        logits: Logits = np.zeros((len(rows), rows.classes), np.float32)
        for batch in scoring_batches(rows, self._frame):
            logits[batch] = self._logits(*rows.rectangle(batch, self._frame)).numpy()
        return loss_and_accuracy(logits, rows.labels, rows.weights)

    def sum(self, *values: float) -> list[float]:
        return list(values)

    def weights(self) -> Arrays:
        return {variable.path: variable.numpy() for variable in self._trained}

    def moments(self) -> Arrays:
        # By place: Keras numbers an optimizer's variables by how many there were before.
        return {str(n): variable.numpy() for n, variable in enumerate(self._optimizer.variables)}

    def restore(self, weights: Arrays, moments: Arrays | None = None) -> None:
        for variable in self._trained:
            variable.assign(weights[variable.path])
        if moments is not None:
            for number, variable in enumerate(self._optimizer.variables):
                variable.assign(moments[str(number)])
