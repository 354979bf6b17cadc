"""Training batches from memory-mapped token shards: similar lengths together, seeded order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.encoding import Ids, Lengths, length_buckets
from components.contract.onnx_session import Frame
from components.contract.tokens import Tokens
from components.training.balance import Weighting, label_weights

POOL_BATCHES = 50
"""Rows are sorted by length within pools of this many batches: wide enough that padding almost
vanishes, narrow enough that a batch's company still changes from epoch to epoch."""
SCORED_ROWS = 64
SCORED_TOKENS = 8_192
"""Most in a batch that is only scored: without gradients it may be larger than in training."""

Rows = npt.NDArray[np.integer[Any]]
"""Row numbers of one batch."""


class TokenRows:
    """Random access to the rows of one split; ids stay on disk, mapped into memory.

    Args:
        tokens: Published tokens.
        split: `train`, `validation` or `test`.
        limit: Most rows, taken from the front; None for all.
        weighting: How much each label's rows count.

    Attributes:
        lengths: (n,) int32, tokens in each row.
        labels: (n,) int32, label indices.
        classes: How many labels there are.
        weights: (k,) float32, what each label's rows count; None where all count the same.
    """

    def __init__(
        self,
        tokens: Tokens,
        split: str,
        limit: int | None = None,
        weighting: Weighting = "none",
    ) -> None:
        self.classes = len(tokens.labels)
        self._shards = [shard.encoding for shard in tokens.shards(split)]
        sizes = [len(shard) for shard in self._shards]
        self._starts = np.cumsum([0, *sizes])
        empty = np.zeros(0, np.int32)
        lengths = [shard.lengths.astype(np.int32) for shard in self._shards]
        labels = [np.asarray(shard.labels) for shard in tokens.shards(split)]
        self.lengths = np.concatenate([empty, *lengths])[:limit]
        self.labels = np.concatenate([empty, *labels])[:limit]
        self.weights: npt.NDArray[np.float32] | None = None
        if weighting != "none":
            counts = np.bincount(self.labels, minlength=self.classes)
            self.weights = label_weights(counts, weighting)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.labels)

    def ids(self, row: int) -> Ids:
        """One row's token ids, (length,), mapped from disk."""
        shard = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self._shards[shard].text(row - int(self._starts[shard]))

    def rectangle(self, batch: Rows, frame: Frame) -> tuple[npt.NDArray[np.int64], Lengths]:
        """A batch as a model takes it.

        Args:
            batch: (b,) row numbers.
            frame: How rows are cut and padded.

        Returns:
            ids (b, t) int64 and lengths (b,) int64.
        """
        return frame.rectangle([self.ids(int(row)) for row in batch])

    def targets(self, batch: Rows) -> npt.NDArray[np.int64]:
        """A batch's label indices (b,) int64."""
        targets: npt.NDArray[np.int64] = self.labels[batch].astype(np.int64)
        return targets


def epoch_batches(lengths: Lengths, size: int, seed: int, epoch: int) -> list[Rows]:
    """The batches of one epoch, the same for the same seed and epoch.

    Nothing else decides the order, so a resumed training needs no random state from disk.

    Args:
        lengths: (n,) tokens in each row, as the model will see them.
        size: Rows in a batch.
        seed: Seeds the order.
        epoch: The epoch's number; each has its own order.

    Returns:
        Row numbers by batch; every row once, the last batch of a pool may be smaller.
    """
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(lengths))
    pool = size * POOL_BATCHES
    batches: list[Rows] = []
    for start in range(0, len(order), pool):
        rows = order[start : start + pool]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches.extend(rows[i : i + size] for i in range(0, len(rows), size))
    return [batches[i] for i in generator.permutation(len(batches))]


def scoring_batches(rows: TokenRows, frame: Frame) -> list[Rows]:
    """All rows in batches of similar length, for scoring: nothing about their order is random.

    Args:
        rows: The rows.
        frame: How they are cut.

    Returns:
        Row numbers by batch.
    """
    lengths = np.minimum(rows.lengths, frame.max_tokens)
    return list(length_buckets(lengths, SCORED_TOKENS, SCORED_ROWS))


def shard_batches(batches: list[Rows], rank: int, processes: int) -> list[Rows]:
    """One process's share: every share has as many batches, so that none waits for ever.

    Args:
        batches: All batches of an epoch.
        rank: The process's number.
        processes: How many there are.

    Returns:
        Its batches; the first ones are used twice where the number doesn't divide.
    """
    total = -(-len(batches) // processes) * processes
    return list(itertools.islice(itertools.cycle(batches), rank, total, processes))


def groups(batches: list[Rows], size: int) -> Iterator[list[Rows]]:
    """Consecutive batches, `size` at a time (gradient accumulation); the last may be shorter."""
    for start in range(0, len(batches), size):
        yield batches[start : start + size]
