"""Exact duplicates within a partition, and those whose labels contradict each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.ingest.rejections import SAMPLES, Rejections


@dataclass(frozen=True)
class Groups:
    """A partition's rows grouped by text.

    Attributes:
        order: Row indices by digest, then by row number.
        starts: Where in `order` each text's rows begin.
        counts: Rows of each text.
        conflicting: Whether a text's rows have different labels.
    """

    order: npt.NDArray[np.intp]
    starts: npt.NDArray[np.intp]
    counts: npt.NDArray[np.int64]
    conflicting: npt.NDArray[np.bool_]


def without_duplicates(table: Any, rejections: Rejections) -> Any:
    """A partition's table with one row a text, in the order of digests.

    Of equal texts with equal labels the first row of the input is kept. Of equal texts with
    different labels none is: which label is right can't be known.

    Args:
        table: A partition of `Spill`, not empty.
        rejections: Counts the others.

    Returns:
        The rows that are kept.
    """
    groups = grouped(table)
    firsts = groups.order[groups.starts]
    for reason, chosen, kept in (
        ("conflicting_duplicate", groups.conflicting, 0),
        ("duplicate", ~groups.conflicting & (groups.counts > 1), 1),
    ):
        rejected = groups.counts[chosen] - kept
        sample = table.select(["digest", "text", "row"]).take(firsts[chosen][:SAMPLES]).to_pylist()
        for row, count in zip(sample, rejected, strict=False):
            rejections.add(reason, row["text"], row["row"], int(count), row["digest"])
        rejections.counts[reason] += int(rejected[len(sample) :].sum())
    return table.take(firsts[~groups.conflicting])


def grouped(table: Any) -> Groups:
    """Group a partition's rows by text; see `Groups`."""
    digests = np.frombuffer(
        b"".join(table["digest"].to_pylist()), ">u8"
    ).reshape(-1, 2)  # fmt: skip
    order = np.lexsort((table["row"].to_numpy(), digests[:, 1], digests[:, 0]))
    ordered = digests[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    starts = np.flatnonzero(begins)
    labels = table["label"].to_numpy()[order]
    return Groups(
        order,
        starts,
        np.add.reduceat(table["count"].to_numpy()[order], starts),
        np.minimum.reduceat(labels, starts) != np.maximum.reduceat(labels, starts),
    )
