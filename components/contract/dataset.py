"""Labelled texts as Parquet shards, read one batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.artifact import Manifest, read_manifest
from components.contract.limits import READ_BATCH_ROWS

KIND = "dataset"
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Batch:
    """Some rows of a split.

    Attributes:
        texts: n normalised texts.
        labels: (n,) int32, indices into the dataset's labels.
        digests: n 16-byte digests of the normalised texts.
        slices: Column name -> n values, for the columns that evaluation slices by.
    """

    texts: list[str]
    labels: npt.NDArray[np.int32]
    digests: list[bytes]
    slices: Mapping[str, list[str]]


@dataclass(frozen=True)
class Dataset:
    """A published dataset.

    Attributes:
        path: Its directory: `<split>/<number>.parquet` in the order of the rows' digests.
        manifest: Facts: `labels` (names), `rows` (split -> label name -> count), `rows_in`,
            `rejected` (reason -> count), `split` (the rule: fractions and salt), `slices`
            (column names).
    """

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path) -> Dataset:
        """Open a published dataset; raises as `read_manifest`."""
        return cls(path, read_manifest(path, KIND))

    @property
    def labels(self) -> tuple[str, ...]:
        """Label names; a label's index is its place here."""
        return tuple(self.manifest.facts["labels"])

    def rows(self, split: str) -> int:
        """Rows in a split."""
        return int(sum(self.manifest.facts["rows"][split].values()))

    def shards(self, split: str) -> list[Path]:
        """The split's Parquet files, in row order."""
        prefix = f"{split}/"
        return [self.path / f for f in sorted(self.manifest.files) if f.startswith(prefix)]

    def batches(self, split: str, size: int = READ_BATCH_ROWS) -> Iterator[Batch]:
        """The split's rows in order, at most `size` at a time; one shard is open at once."""
        for shard in self.shards(split):
            yield from self.read(shard, size)

    def read(self, shard: Path, size: int = READ_BATCH_ROWS) -> Iterator[Batch]:
        """The rows of one of the dataset's shards in order, at most `size` at a time."""
        import pyarrow.parquet as parquet

        names: list[str] = list(self.manifest.facts["slices"])
        with parquet.ParquetFile(shard) as file:
            for batch in file.iter_batches(batch_size=size):
                columns: dict[str, Any] = batch.to_pydict()
                yield Batch(
                    columns["text"],
                    np.asarray(columns["label"], np.int32),
                    columns["digest"],
                    {name: columns[name] for name in names},
                )
