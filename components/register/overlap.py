"""Test rows that a model may have been trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.dataset import Batch, Dataset
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
        Their number; 0 whenever the rule is the dataset's own. Fresh rows don't count: the
        champion answered them, so it was there before they were labelled, and ingest takes a
        text that the champion may know from its source for no fresh one.
    """
    split = SplitRule.from_facts(rule)
    where = _fresh_where(dataset)
    return sum(
        split.split(text) == "train"
        for batch in dataset.batches("test")
        for text, fresh in zip(batch.texts, where(batch), strict=True)
        if not fresh
    )


def fresh_rows(dataset: Dataset) -> npt.NDArray[np.bool_]:
    """(n,) which of the n test rows are fresh."""
    where = _fresh_where(dataset)
    parts = [np.zeros(0, np.bool_), *(where(batch) for batch in dataset.batches("test"))]
    return np.concatenate(parts)


def _fresh_where(dataset: Dataset) -> Callable[[Batch], npt.NDArray[np.bool_]]:
    facts = dataset.manifest.facts.get("fresh")
    if facts is None:
        return lambda batch: np.zeros(len(batch.texts), np.bool_)
    return lambda batch: np.array(
        [value == facts["value"] for value in batch.slices[facts["column"]]], np.bool_
    )


def _digests(dataset: Dataset, split: str) -> Iterator[bytes]:
    for batch in dataset.batches(split):
        yield from batch.digests
