"""Token ids of many texts in two flat arrays, and the ways models cut and pad them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.integer[Any]]
Ids = Integers
Offsets = npt.NDArray[np.int64]
Lengths = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Encoding:
    """Token ids of n texts, without special tokens.

    Attributes:
        ids: (t,) uint16 or uint32, the texts' ids one after the other.
        offsets: (n + 1,) int64; text i is `ids[offsets[i]:offsets[i + 1]]`.
    """

    ids: Ids
    offsets: Offsets

    def __len__(self) -> int:
        """The number of texts."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Lengths:
        """(n,) int64, tokens in each text."""
        return np.diff(self.offsets)

    def text(self, row: int) -> Ids:
        """The ids of one text, (length,)."""
        return self.ids[self.offsets[row] : self.offsets[row + 1]]

    def select(self, rows: Integers | slice) -> Encoding:
        """The texts at these rows, in this order."""
        chosen = np.arange(len(self))[rows]
        parts = [self.text(row) for row in chosen]
        return from_rows(parts)


def from_rows(rows: list[Ids]) -> Encoding:
    """An encoding from one id array a text."""
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    ids = np.concatenate(rows) if rows else np.zeros(0, np.uint32)
    return Encoding(ids, offsets)


def head_tail(ids: Ids, limit: int) -> Ids:
    """The ids of a text cut to `limit` tokens: its first and last halves, the head one longer.

    Long reviews say what they think at both ends; on IMDB this keeps 4.5 points of accuracy over
    the head alone (Sun et al. 2019, "How to Fine-Tune BERT for Text Classification?", section 5.3,
    https://arxiv.org/abs/1905.05583).

    Args:
        ids: (length,) token ids.
        limit: Tokens to keep, at least 1.

    Returns:
        (min(length, limit),) token ids.
    """
    if len(ids) <= limit:
        return ids
    tail = limit // 2
    return np.concatenate([ids[: limit - tail], ids[len(ids) - tail :]])


def pad(
    rows: list[Ids], padding: int, prefix: tuple[int, ...] = (), suffix: tuple[int, ...] = ()
) -> tuple[npt.NDArray[np.int64], Lengths]:
    """A rectangle of token ids for a model.

    Args:
        rows: b id arrays.
        padding: The id that fills a row's end.
        prefix: Ids put before each row, e.g. `[CLS]`.
        suffix: Ids put behind each row's last token, e.g. `[SEP]`.

    Returns:
        ids (b, longest) int64 and lengths (b,) int64 with prefix and suffix counted; a row
        without any token gets one padding token, so that no length is 0.
    """
    extra = len(prefix) + len(suffix)
    lengths = np.array([max(len(row) + extra, 1) for row in rows], np.int64)
    ids = np.full((len(rows), int(lengths.max(initial=1))), padding, np.int64)
    for i, row in enumerate(rows):
        end = len(prefix) + len(row)
        ids[i, : len(prefix)] = prefix
        ids[i, len(prefix) : end] = row
        ids[i, end : end + len(suffix)] = suffix
    return ids, lengths


def length_buckets(lengths: Integers, tokens: int, rows: int) -> Iterator[npt.NDArray[np.intp]]:
    """Rows grouped by similar length, so that little of a batch is padding.

    Args:
        lengths: (n,) tokens in each text.
        tokens: Most tokens in one batch, padding counted.
        rows: Most rows in one batch.

    Yields:
        Row numbers of one batch, shortest texts first; each row appears once.
    """
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        end = start + 1
        while (
            end < len(order)
            and end - start < rows
            and (end - start + 1) * max(int(lengths[order[end]]), 1) <= tokens
        ):
            end += 1
        yield order[start:end]
        start = end
