"""Token shards: flat arrays on disk, read by memory map, one shard at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.artifact import Manifest, read_manifest
from components.contract.encoding import Encoding, Ids, from_rows

KIND = "tokens"


@dataclass(frozen=True)
class Shard:
    """One memory-mapped shard.

    Attributes:
        encoding: Ids and offsets of its n texts.
        labels: (n,) int32 label indices.
    """

    encoding: Encoding
    labels: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Tokens:
    """Published token shards.

    Attributes:
        path: Its directory: `tokenizer.json`, and for each shard `<split>/<number>.ids` (uint16
            or uint32), `.offsets` (int64), `.labels` (int32), all little-endian; rows stand in
            the dataset's order.
        manifest: Facts: `strategy`, `tokenizer_digest`, `vocab_size`, `dtype`, `labels` (names),
            `rows` (split -> count), `tokens` (split -> count), `dataset_digest`.
    """

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path) -> Tokens:
        """Open published tokens; raises as `read_manifest`."""
        return cls(path, read_manifest(path, KIND))

    @property
    def labels(self) -> tuple[str, ...]:
        """Label names; a label's index is its place here."""
        return tuple(self.manifest.facts["labels"])

    @property
    def vocab_size(self) -> int:
        """Ids are below this number."""
        return int(self.manifest.facts["vocab_size"])

    def rows(self, split: str) -> int:
        """Rows in a split."""
        return int(self.manifest.facts["rows"][split])

    def shards(self, split: str) -> Iterator[Shard]:
        """The split's shards in order; each is mapped when reached and released after."""
        dtype = str(self.manifest.facts["dtype"])
        names = sorted(
            f for f in self.manifest.files if f.startswith(f"{split}/") and f.endswith(".ids")
        )
        for name in names:
            file = self.path / name
            yield Shard(
                Encoding(
                    _map(file, dtype),
                    _map(file.with_suffix(".offsets"), "<i8"),
                ),
                _map(file.with_suffix(".labels"), "<i4"),
            )

    def batches(self, split: str, size: int) -> Iterator[tuple[Encoding, npt.NDArray[np.int32]]]:
        """The split's rows in order as copies, at most `size` at a time."""
        for shard in self.shards(split):
            encoding = shard.encoding
            for start in range(0, len(encoding), size):
                end = min(start + size, len(encoding))
                rows: list[Ids] = [np.array(encoding.text(row)) for row in range(start, end)]
                yield from_rows(rows), np.array(shard.labels[start:end])


def _map(file: Path, dtype: str) -> npt.NDArray[Any]:
    if file.stat().st_size == 0:  # mmap refuses empty files
        return np.zeros(0, dtype)
    return np.memmap(file, dtype, mode="r")
