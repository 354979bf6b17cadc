"""The LSTM in Keras 3, and its weights as arrays."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from components.train_lstm.graph import Direction, LstmWeights


class LstmKerasNetwork(keras.Model):  # type: ignore[misc]
    """The network of `network.py`, layer by layer, with the same distribution of first weights.

    Args:
        vocabulary: Rows of the embedding.
        classes: Labels.
        embedding: Width of a token's vector.
        hidden: Width of each direction's state.
        dropout: Share of embedded and pooled values that training leaves out.
        seed: Decides the first weights.

    Attributes:
        noise: The one source of its dropout.
    """

    def __init__(
        self,
        vocabulary: int,
        classes: int,
        embedding: int,
        hidden: int,
        dropout: float,
        seed: int,
    ) -> None:
        super().__init__(name="lstm")
        seeds = iter(np.random.SeedSequence(seed).generate_state(16).tolist())

        def uniform(width: int) -> keras.Initializer:
            bound = 1 / math.sqrt(width)
            return keras.initializers.RandomUniform(-bound, bound, seed=next(seeds))

        def direction(name: str) -> keras.layers.LSTM:
            return keras.layers.LSTM(
                hidden,
                return_sequences=True,
                kernel_initializer=uniform(hidden),
                recurrent_initializer=uniform(hidden),
                bias_initializer=uniform(hidden),
                unit_forget_bias=False,
                name=name,
            )

        pooled = 2 * (embedding + 2 * hidden)
        self.dropout, self.classes = dropout, classes
        self.noise = keras.random.SeedGenerator(seed)
        self.embedding = keras.layers.Embedding(
            vocabulary,
            embedding,
            keras.initializers.RandomNormal(stddev=0.03, seed=next(seeds)),
            name="embedding",
        )
        self.forwards, self.backwards = direction("forwards"), direction("backwards")
        self.head = keras.layers.Dense(
            classes,
            kernel_initializer=uniform(pooled),
            bias_initializer=uniform(pooled),
            name="head",
        )
        self(np.zeros((1, 1), np.int64), np.ones(1, np.int64))  # makes the weights

    def start_from(self, vectors: Any) -> None:
        """Replace the random token vectors, (vocabulary, embedding) float32, before training."""
        self.embedding.embeddings.assign(vectors)

    def call(self, ids: Any, lengths: Any, training: bool = False) -> Any:
        """Logits of a batch.

        Args:
            ids: (b, t) int64, padded at the end.
            lengths: (b,) int64, at least 1.
            training: Whether dropout is on.

        Returns:
            (b, k).
        """
        return self.head(self._drop(self.features(ids, lengths, training), training))

    def features(self, ids: Any, lengths: Any, training: bool = False) -> Any:
        """What the head sees.

        Args:
            ids: (b, t) int64, padded at the end.
            lengths: (b,) int64, at least 1.
            training: Whether dropout is on.

        Returns:
            (b, 2 * (embedding + 2 * hidden)) float32: maxima over the row's tokens of token
            vector, forward state and backward state, then their means.
        """
        places = ops.arange(ops.shape(ids)[1], dtype="int64")[None, :]
        real = places < lengths[:, None]
        mirrored = ops.where(real, lengths[:, None] - 1 - places, places)
        vectors = self.embedding(ids)
        mask = self._drop(ops.ones_like(vectors[:, :1]), training)
        one_way = self.forwards(vectors * mask)
        other_way = self.backwards(self.embedding(ops.take_along_axis(ids, mirrored, 1)) * mask)
        states = ops.concatenate([vectors, one_way, other_way], axis=2)
        counted = real[:, :, None]
        maxima = ops.max(ops.where(counted, states, -np.inf), axis=1)
        sums = ops.sum(ops.where(counted, states, 0.0), axis=1)
        means = sums / ops.cast(lengths[:, None], "float32")
        return ops.concatenate([maxima, means], axis=1)

    def _drop(self, values: Any, training: bool) -> Any:
        if not training or not self.dropout:
            return values
        return keras.random.dropout(values, self.dropout, seed=self.noise)

    def arrays(self) -> LstmWeights:
        """Every weight as a float32 array, for the graph."""
        kernel, bias = (_array(variable) for variable in self.head.trainable_variables)
        return LstmWeights(
            embedding=_array(self.embedding.embeddings),
            forwards=_direction(self.forwards),
            backwards=_direction(self.backwards),
            head=np.ascontiguousarray(kernel.T),
            bias=bias,
        )


def _direction(lstm: keras.layers.LSTM) -> Direction:
    """A layer's weights; Keras keeps its gates in the same order, but one bias."""
    kernel, recurrent, bias = (_array(variable) for variable in lstm.trainable_variables)
    return Direction(
        kernel=np.ascontiguousarray(kernel.T),
        recurrent=np.ascontiguousarray(recurrent.T),
        bias=bias,
        recurrent_bias=np.zeros_like(bias),
    )


def _array(variable: keras.Variable) -> Any:
    return np.asarray(variable.numpy(), np.float32)
