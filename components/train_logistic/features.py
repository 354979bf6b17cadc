"""Hashed n-grams of token ids: the same function in training and in serving."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.encoding import Encoding, Integers

# Odd 64-bit constants with well mixed bits: Fibonacci hashing (Knuth, TAOCP 3, section 6.4).
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FINISH = np.uint64(0xD6E8FEB86659FD93)

BLOCK_ROWS = 250
"""Rows to count at a time: the sort's arrays then stay in the cache, and memory small."""
SKETCH_BITS = 6
"""A row's sketch has 2 to this power numbers: enough for drift detection, cheap to send."""


@dataclass(frozen=True)
class Counts:
    """A sparse matrix of feature counts in compressed rows.

    Attributes:
        starts: (n + 1,) int64; row i's entries are `starts[i]:starts[i + 1]`.
        features: (nnz,) int64 or int32, hashed features, ascending within a row, each once.
        counts: (nnz,) int64 or int32.
    """

    starts: npt.NDArray[np.int64]
    features: Integers
    counts: Integers

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """(nnz,) int64, each entry's row."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


def count_ngrams(encoding: Encoding, ngrams: int, hash_bits: int) -> Counts:
    """Count each text's hashed n-grams.

    Args:
        encoding: n texts.
        ngrams: Longest n-gram.
        hash_bits: Features are numbered below 2 to this power.

    Returns:
        The counts, n rows.
    """
    row = np.repeat(np.arange(len(encoding)), encoding.lengths)
    keys, rows = [], []
    for _, first, features in hashed_ngrams(encoding, ngrams, hash_bits):
        keys.append(features)
        rows.append(row[first])
    keyed = np.concatenate(keys) | (np.concatenate(rows) << hash_bits)
    unique, counts = np.unique(keyed, return_counts=True)
    starts = np.searchsorted(unique >> hash_bits, np.arange(len(encoding) + 1))
    return Counts(starts.astype(np.int64), unique & ((1 << hash_bits) - 1), counts)


def hashed_ngrams(
    encoding: Encoding, ngrams: int, hash_bits: int
) -> Iterator[tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Every n-gram with its feature, the short ones first.

    Args:
        encoding: n texts.
        ngrams: Longest n-gram.
        hash_bits: Features are numbered below 2 to this power.

    Yields:
        Tokens in each of m n-grams, the places (m,) int64 in `encoding.ids` of their first tokens,
        ascending, and their features (m,) int64.
    """
    row = np.repeat(np.arange(len(encoding)), encoding.lengths)
    ids = encoding.ids.astype(np.uint64) + np.uint64(1)
    gram = ids
    for order in range(1, ngrams + 1):
        if order > 1:
            gram = gram[:-1] * _STEP + ids[order - 1 :]
        # An n-gram never spans two texts.
        first = np.flatnonzero(row[: len(gram)] == row[order - 1 :])
        features = (gram[first] * _FINISH) >> np.uint64(64 - hash_bits)
        yield order, first, features.astype(np.int64)


def weigh(
    counts: Counts, scale: npt.NDArray[np.floating[Any]], kept: npt.NDArray[np.bool_], binary: bool
) -> tuple[npt.NDArray[np.int64], Integers, npt.NDArray[np.float64]]:
    """Turn counts into feature values.

    Args:
        counts: n rows.
        scale: (f,) weight of each feature.
        kept: (f,) whether a feature is used at all.
        binary: True for values of 1 x scale; False for (1 + log count) x scale in rows of unit
            length.

    Returns:
        starts (n + 1,), features (nnz,) and values (nnz,) float64.
    """
    used = np.flatnonzero(kept[counts.features])
    features = counts.features[used]
    starts = np.searchsorted(used, counts.starts).astype(np.int64)
    if binary:
        return starts, features, scale[features].astype(np.float64, copy=False)
    rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    values = (1 + np.log(counts.counts[used])) * scale[features]
    norms = np.sqrt(np.bincount(rows, values**2, minlength=len(starts) - 1))
    return starts, features, values / norms[rows]


def sketch(counts: Counts) -> npt.NDArray[np.float32]:
    """Rows of few numbers whose distances follow those of the n-gram sets.

    Signed feature hashing keeps inner products in expectation (Weinberger et al. 2009,
    https://arxiv.org/abs/0902.2206). N-grams never seen in training count too: they are what
    drift brings.

    Args:
        counts: n rows.

    Returns:
        (n, 2 ** SKETCH_BITS) float32; the squared norm of a row is 1 in expectation, a row
        without n-grams is zero.
    """
    rows, width = len(counts.starts) - 1, 1 << SKETCH_BITS
    mixed = counts.features.astype(np.uint64) * _STEP
    bucket = (mixed >> np.uint64(64 - SKETCH_BITS)).astype(np.int64)
    sign = 1.0 - 2.0 * ((mixed >> np.uint64(63 - SKETCH_BITS)) & np.uint64(1)).astype(np.float64)
    sums = np.bincount(counts.rows * width + bucket, sign, minlength=rows * width)
    scale = np.sqrt(np.maximum(np.diff(counts.starts), 1))
    rescaled: npt.NDArray[np.float32] = (sums.reshape(rows, width) / scale[:, None]).astype("f4")
    return rescaled
