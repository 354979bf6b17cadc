"""Texts that stand in two splits: the same but for case and punctuation, or nearly the same.

Equal texts are found by digest. Near copies are found by MinHash (Broder 1997,
https://doi.org/10.1109/SEQUEN.1997.666900) over all runs of 16 bytes of the folded text, banded as
in Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", section 3.4: two texts that share a
part J of their runs meet with probability 1 - (1 - J^4)^4, which is 99 % for J = 0.9, 67 % for 0.7
and 3 % for 0.3. Everything is set aside on disk by digest, so memory stays flat.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.split import folded
from components.ingest.duplicates import grouped
from components.ingest.records import Record
from components.ingest.spill import Spill
from components.inspect.thinned import Thinned

RUN_BYTES = 16
LEAST_BYTES = 40
"""A shorter text shares its few runs by chance."""
SEEN_BYTES = 4_000
NEAR_ROWS = 100_000
"""Rows looked at for near copies before every second is left out: a tenth of a millisecond each."""
EXCERPT = 80
SAMPLES = 5
_BANDS, _ROWS = 4, 4
_generator = np.random.default_rng(13)
_FACTORS = _generator.integers(1, 2**63, _BANDS * _ROWS, np.uint64) | np.uint64(1)
_OFFSETS = _generator.integers(0, 2**63, _BANDS * _ROWS, np.uint64)
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93))


@dataclass(frozen=True)
class Leak:
    """Texts of one split that another has too.

    Attributes:
        rows: How many rows.
        looked_at: Among how many.
        samples: Pairs of excerpts.
    """

    rows: int
    looked_at: int
    samples: tuple[tuple[str, str], ...]


class SharedTexts:
    """Texts that stand under two names, such as the files `train` and `test`.

    Args:
        folder: A folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._spill = Spill(folder, ())
        self._names: dict[str, int] = {}
        self.rows = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the order they were met."""
        return tuple(self._names)

    def add(self, text: str, name: str, row: int) -> None:
        """Note a normalised text under a name."""
        key = hashlib.blake2b(folded(text) or text.encode(), digest_size=16).digest()
        number = self._names.setdefault(name, len(self._names))
        self._spill.add(Record(key, number, row, 0, text[:EXCERPT], ()))
        self.rows += 1

    def leak(self) -> Leak:
        """What stands under more than one name; not to be had again."""
        rows, samples = 0, list[tuple[str, str]]()
        for table in self._spill.partitions():
            groups = grouped(table)
            rows += int(groups.counts[groups.conflicting].sum())
            for place in groups.starts[groups.conflicting][: SAMPLES - len(samples)]:
                pair = table["text"].take(groups.order[place : place + 2]).to_pylist()
                samples.append((pair[0], pair[1]))
        return Leak(rows, self.rows, tuple(samples))


class NearCopies:
    """Held-out texts of which the train split has a near copy.

    Args:
        folder: A folder of its own.
        limit: Rows after which every second one is left out.
    """

    def __init__(self, folder: Path, limit: int = NEAR_ROWS) -> None:
        self._spill = Spill(folder, ())
        self._thinned = Thinned(limit)

    def add(self, text: str, held_out: bool, row: int) -> None:
        """Note a normalised text of either side."""
        if not self._thinned.take():
            return
        number = 2 * self._thinned.taken + held_out  # so that no two rows look like copies
        for key in keys(text):
            self._spill.add(Record(key, number, row, int(held_out), text[:EXCERPT], ()))

    def leak(self) -> Leak:
        """The held-out rows with a near copy; not to be had again."""
        found, samples = [np.zeros(0, np.int64)], list[tuple[str, str]]()
        for table in self._spill.partitions():
            for pair in _mixed(table, found):
                if len(samples) < SAMPLES and pair not in samples:
                    samples.append(pair)
        rows = len(np.unique(np.concatenate(found)))
        return Leak(rows, self._thinned.taken, tuple(samples))


def keys(text: str) -> Iterator[bytes]:
    """The keys of a text's bands, 16 bytes each; none for a short text."""
    plain = folded(text)[:SEEN_BYTES]
    if len(plain) < LEAST_BYTES:
        return
    letters = np.frombuffer(plain, np.uint8)
    runs = np.lib.stride_tricks.sliding_window_view(letters, RUN_BYTES)
    halves = np.ascontiguousarray(runs).view("<u8")
    mixed = (halves[:, 0] * _MIX[0]) ^ (halves[:, 1] * _MIX[1])
    mixed ^= mixed >> np.uint64(29)
    # The low half of a product holds little of the factor's high bits: the least is taken of all.
    least = (mixed[:, None] * _FACTORS + _OFFSETS).min(axis=0)
    signs: npt.NDArray[np.uint32] = (least & np.uint64(2**32 - 1)).astype("<u4")
    for band in range(_BANDS):
        yield signs[band * _ROWS : (band + 1) * _ROWS].tobytes()


def _mixed(
    table: Any, found: list[npt.NDArray[np.int64]]
) -> Iterable[tuple[str, str]]:  # fmt: skip
    """The pairs of a partition; the rows of its held-out texts are added to what was found."""
    groups = grouped(table)
    held = table["split"].to_numpy()[groups.order]
    ends = [*groups.starts[1:].tolist(), len(held)]
    both = np.minimum.reduceat(held, groups.starts) != np.maximum.reduceat(held, groups.starts)
    inside = np.repeat(both, np.diff([*groups.starts.tolist(), len(held)]))
    found.append(table["row"].to_numpy()[groups.order][inside & (held == 1)])
    pairs = []
    for start, end in itertools.islice(
        ((s, e) for s, e, m in zip(groups.starts, ends, both, strict=True) if m), SAMPLES
    ):
        order = groups.order[start:end]
        side = held[start:end]
        chosen = [order[side == 1][0], order[side == 0][0]]
        pair = table["text"].take(np.array(chosen)).to_pylist()
        pairs.append((pair[0], pair[1]))
    return pairs
