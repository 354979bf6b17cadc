"""Test rows that a model may have been trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.contract.dataset import Dataset
from components.contract.split import SplitRule


@dataclass(frozen=True)
class Overlap:
    """How much of the test split isn't fair game.

    Attributes:
        in_train: Test rows that also stand in the dataset's train split.
        in_champion_train: Test rows that the champion's own split rule puts into its train split.
    """

    in_train: int = 0
    in_champion_train: int = 0


def rows_in_train(dataset: Dataset) -> int:
    """Test rows whose digest also stands in the train split.

    Shards are in the order of the digests, so this is a merge join of two streams: one batch of
    either is in memory, whatever the size.
    """
    train, shared = _digests(dataset, "train"), 0
    current = next(train, None)
    for digest in _digests(dataset, "test"):
        while current is not None and current < digest:
            current = next(train, None)
        shared += current == digest
    return shared


def rows_by_rule(dataset: Dataset, rule: Mapping[str, Any]) -> int:
    """Test rows that a model's own split rule would have trained on.

    Args:
        dataset: Whose test split.
        rule: `facts["split"]` of the model's bundle.

    Returns:
        Their number; 0 whenever the rule is the dataset's own.
    """
    split = SplitRule.from_facts(rule)
    return sum(
        split.split(text) == "train" for batch in dataset.batches("test") for text in batch.texts
    )


def _digests(dataset: Dataset, split: str) -> Iterator[bytes]:
    for batch in dataset.batches(split):
        yield from batch.digests
