"""The training split's n-grams: counted once, read back from a temporary file by every epoch."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from components.contract.tokens import Tokens
from components.train_logistic.features import BLOCK_ROWS, Counts, count_ngrams

SPILL_BYTES = 2**32
"""Most that the file may take; beyond it every epoch counts again, at three times its CPU time.
Ten million sentences stay below, a million long reviews too."""
_LABEL, _LENGTH, _FEATURE, _COUNT = "<i4", "<u4", "<u4", "<u2"

Labels = npt.NDArray[np.int32]


class CountedRows:
    """The rows of the train split as counts, in order, as often as they are asked for.

    Args:
        tokens: Published tokens.
        ngrams: Longest n-gram.
        hash_bits: Features are numbered below 2 to this power.
        chunk_rows: Most rows in a chunk; a shard's last may have fewer.
        counted: Whether counts matter; without, every count is read back as 1.
        folder: Where the file goes; nameless, so that nothing is left of it after a kill. None
            takes the system's own place.
    """

    def __init__(
        self,
        tokens: Tokens,
        ngrams: int,
        hash_bits: int,
        chunk_rows: int,
        counted: bool,
        folder: Path | None = None,
    ) -> None:
        self._tokens, self._ngrams, self._bits = tokens, ngrams, hash_bits
        self._chunk_rows, self._counted, self._folder = chunk_rows, counted, folder
        most = tokens.manifest.facts["tokens"]["train"] * ngrams
        width = np.dtype(_FEATURE).itemsize + counted * np.dtype(_COUNT).itemsize
        self._spills = most * width <= SPILL_BYTES
        self._file: IO[bytes] | None = None
        self._sizes: list[tuple[int, int]] = []  # rows and entries of each chunk in the file

    def chunks(self) -> Iterator[tuple[Counts, Labels]]:
        """Counts and label indices of all rows, a chunk at a time; once per epoch, one at a time.

        Yields:
            The counts of at most `chunk_rows` rows, and their labels (n,) int32.
        """
        if self._file is not None:
            yield from self._read(self._file)
            return
        file = tempfile.TemporaryFile(dir=self._folder) if self._spills else None  # noqa: SIM115
        sizes: list[tuple[int, int]] = []
        whole = False
        try:
            for counts, labels in self._count():
                if file is not None:
                    self._write(file, counts, labels)
                    sizes.append((len(labels), len(counts.features)))
                yield counts, labels
            whole = True
        finally:  # a pass that was cut short leaves nothing to read back
            if file is not None and not whole:
                file.close()
        self._file, self._sizes = file, sizes

    def close(self) -> None:
        """Give the file's space back."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _count(self) -> Iterator[tuple[Counts, Labels]]:
        for encoding, labels in self._tokens.batches("train", self._chunk_rows):
            blocks = range(0, len(encoding), BLOCK_ROWS)
            parts = [
                count_ngrams(encoding.select(slice(b, b + BLOCK_ROWS)), self._ngrams, self._bits)
                for b in blocks
            ]
            ends = np.cumsum([0, *(part.starts[-1] for part in parts)])
            starts = [p.starts[:-1] + end for p, end in zip(parts, ends, strict=False)]
            yield (
                Counts(
                    np.concatenate([*starts, ends[-1:]]),
                    np.concatenate([part.features.astype(np.int32) for part in parts]),
                    np.concatenate([part.counts.astype(np.int32) for part in parts]),
                ),
                labels,
            )

    def _write(self, file: IO[bytes], counts: Counts, labels: Labels) -> None:
        file.write(labels.astype(_LABEL).tobytes())
        file.write(np.diff(counts.starts).astype(_LENGTH).tobytes())
        file.write(counts.features.astype(_FEATURE).tobytes())
        if self._counted:  # of more than 65,535 the logarithm hardly tells
            most = np.iinfo(_COUNT).max
            file.write(np.minimum(counts.counts, most).astype(_COUNT).tobytes())

    def _read(self, file: IO[bytes]) -> Iterator[tuple[Counts, Labels]]:
        file.seek(0)
        for rows, size in self._sizes:
            labels = _array(file, _LABEL, rows)
            starts = np.zeros(rows + 1, np.int64)
            np.cumsum(_array(file, _LENGTH, rows), out=starts[1:])
            # Features are below 2**28: seen as signed they are the same, and not copied.
            features = _array(file, _FEATURE, size).view("<i4")
            one = np.broadcast_to(np.int32(1), size)
            counts = _array(file, _COUNT, size).astype(np.int32) if self._counted else one
            yield Counts(starts, features, counts), labels


def _array(file: IO[bytes], dtype: str, size: int) -> npt.NDArray[Any]:
    return np.frombuffer(file.read(size * np.dtype(dtype).itemsize), dtype)
