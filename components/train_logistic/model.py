"""Inference of the logistic regression: numpy only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from components.contract.artifact import write_json
from components.contract.attribution import Attribution
from components.contract.bundle import CLASSIFIER_FILE
from components.contract.classifier import Classifier, Scores
from components.contract.encoding import Encoding, Integers
from components.contract.errors import IntegrityError
from components.contract.tokenizer import Tokenizer
from components.train_logistic.features import (
    BLOCK_ROWS,
    Counts,
    count_ngrams,
    hashed_ngrams,
    sketch,
    weigh,
)

WEIGHTS_FILE = "weights.safetensors"
ENTRIES = 2_000_000
"""Weights gathered at once; bounds memory when a batch meets many labels."""


class LogisticClassifier(Classifier):
    """Hashed n-grams times weights; see the contract for its attributes.

    Args:
        labels: k label names.
        tokenizer: The tokenizer.
        index: (f,) int64, the hashed features that carry weight, ascending.
        idf: (f,) float32, their weights in a row's norm; ones when `binary`.
        weights: (f, k) float32.
        bias: (k,) float32.
        ngrams: Longest n-gram.
        hash_bits: Features are numbered below 2 to this power.
        binary: Whether a feature's count matters.
    """

    architecture: ClassVar[str] = "logistic"

    def __init__(
        self,
        labels: tuple[str, ...],
        tokenizer: Tokenizer,
        index: npt.NDArray[np.int64],
        idf: npt.NDArray[np.float32],
        weights: npt.NDArray[np.float32],
        bias: npt.NDArray[np.float32],
        ngrams: int,
        hash_bits: int,
        binary: bool,
    ) -> None:
        self.labels, self.tokenizer, self.temperature = labels, tokenizer, 1.0
        self._index, self._idf, self._weights, self._bias = index, idf, weights, bias
        self._ngrams, self._hash_bits, self._binary = ngrams, hash_bits, binary
        # Position of every hashed feature in `index`; features without weight share the last,
        # which `_kept` switches off.
        self._position = np.full(1 << hash_bits, len(index), np.int32)
        self._position[index] = np.arange(len(index))
        self._kept = np.append(np.ones(len(index), bool), False)

    @property
    def max_tokens(self) -> int | None:
        return None

    def score(self, encoding: Encoding) -> Scores:
        if len(encoding) <= BLOCK_ROWS:
            return self._score(encoding)
        starts = range(0, len(encoding), BLOCK_ROWS)
        parts = [self._score(encoding.select(slice(s, s + BLOCK_ROWS))) for s in starts]
        return Scores(
            np.concatenate([part.logits for part in parts]),
            np.concatenate([part.features for part in parts]),
        )

    def _score(self, encoding: Encoding) -> Scores:
        counts = count_ngrams(encoding, self._ngrams, self._hash_bits)
        starts, features, values = self._weighed(counts)
        logits = np.empty((len(encoding), len(self.labels)), np.float32)
        budget = max(1, ENTRIES // len(self.labels))
        row = 0
        while row < len(encoding):
            end = int(np.searchsorted(starts, starts[row] + budget, side="right")) - 1
            end = min(max(end, row + 1), len(encoding))
            logits[row:end] = self._rows(starts[row : end + 1], features, values)
            row = end
        return Scores(logits, sketch(counts))

    def _weighed(
        self, counts: Counts
    ) -> tuple[npt.NDArray[np.int64], Integers, npt.NDArray[np.float64]]:
        """As `weigh`, of the features that carry weight; they are their places in `index`."""
        position = self._position[counts.features].astype(np.int64)
        known = Counts(counts.starts, position, counts.counts)
        idf = np.append(self._idf, np.float32(1))
        return weigh(known, idf, self._kept, self._binary)

    def _rows(
        self, starts: npt.NDArray[np.int64], features: Integers, values: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        part = slice(starts[0], starts[-1])
        terms = self._weights[features[part]] * values[part, None]
        sums = np.zeros((len(starts) - 1, len(self.labels)))
        filled = np.diff(starts) > 0  # reduceat would give an empty row its neighbour's term
        if filled.any():
            sums[filled] = np.add.reduceat(terms, starts[:-1][filled] - starts[0], axis=0)
        return sums + self._bias

    def attribute(self, encoding: Encoding, label: int) -> Attribution:
        counts = count_ngrams(encoding, self._ngrams, self._hash_bits)
        known = self._position[counts.features] < len(self._index)
        _, features, values = self._weighed(counts)
        each = counts.counts[known]  # a feature's share is split among its occurrences
        added = values * self._weights[features, label] / each
        first, order, share = [], [], []
        for tokens, starts, hashed in hashed_ngrams(encoding, self._ngrams, self._hash_bits):
            place = np.searchsorted(counts.features[known], hashed)
            weighs = self._position[hashed] < len(self._index)
            first.append(starts[weighs])
            order.append(np.full(int(weighs.sum()), tokens))
            share.append(added[place[weighs]])
        begins = np.concatenate(first)
        return Attribution(
            float(self._bias[label]), begins, begins + np.concatenate(order), np.concatenate(share)
        )

    def save(self, directory: Path) -> None:
        from safetensors.numpy import save_file

        self.tokenizer.save(directory)
        tensors = {
            "index": self._index.astype(np.uint32),
            "idf": self._idf,
            "weights": self._weights,
            "bias": self._bias,
        }
        save_file(tensors, str(directory / WEIGHTS_FILE))
        write_json(
            directory / CLASSIFIER_FILE,
            {
                "labels": list(self.labels),
                "temperature": self.temperature,
                "ngrams": self._ngrams,
                "hash_bits": self._hash_bits,
                "binary": self._binary,
            },
        )

    @classmethod
    def load(cls, directory: Path, tokenizer: Tokenizer, threads: int | None = None) -> Self:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            spec = json.loads((directory / CLASSIFIER_FILE).read_text(encoding="utf-8"))
            tensors = load_file(str(directory / WEIGHTS_FILE))
            classifier = cls(
                tuple(spec["labels"]),
                tokenizer,
                tensors["index"].astype(np.int64),
                tensors["idf"],
                tensors["weights"],
                tensors["bias"],
                spec["ngrams"],
                spec["hash_bits"],
                spec["binary"],
            )
            classifier.temperature = float(spec["temperature"])
        except (OSError, ValueError, KeyError, TypeError, IndexError, SafetensorError) as error:
            raise IntegrityError(
                "corrupted", f"The logistic model in {str(directory)!r} can't be read."
            ) from error
        return classifier
