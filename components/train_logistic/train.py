"""Training the logistic regression as a stream: two passes to weigh features, then epochs.

The corpus is never in memory: features are counted chunk by chunk from memory-mapped token
shards into a temporary file, and scikit-learn's `SGDClassifier.partial_fit` takes one chunk at a
time.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.artifact import Manifest, publish, read_manifest
from components.contract.bundle import KIND
from components.contract.cache import cached
from components.contract.dataset import Dataset
from components.contract.decorators import logged, timed, validated
from components.contract.environment import environment
from components.contract.errors import InputError
from components.contract.logs import Progress, event
from components.contract.tokens import Tokens
from components.train_logistic.counted import CountedRows
from components.train_logistic.features import BLOCK_ROWS, Counts, count_ngrams, weigh
from components.train_logistic.model import LogisticClassifier
from components.train_logistic.settings import LogisticSettings
from components.training.balance import label_weights
from components.training.finish import VALIDATION_ROWS, accuracy, finish, score_validation

ALPHA = {"nb": 1e-3, "idf": 1e-5}
"""Best on the validation rows of both demo sources among 1e-3 … 1e-5."""
WEIGHT_ENTRIES = 2**26
"""Most weights (features x labels): 512 MiB of float64 while training."""


@cached(
    "train-logistic",
    kind=KIND,
    code=(
        "contract",
        "train_logistic",
        "training/balance.py",
        "training/finish.py",
        "tokenize/pieces.py",
        "tokenize/spacy",
        "tokenize/subword.py",
    ),
)
@logged("train-logistic")
@timed("train-logistic")
@validated
def train(dataset: Path, tokens: Path, out: Path, settings: LogisticSettings) -> Manifest:
    """Train and publish a logistic bundle.

    Args:
        dataset: A published dataset.
        tokens: Its published tokens.
        out: Where the bundle is published.
        settings: The training's parameters.

    Returns:
        The bundle's manifest.

    Raises:
        InputError: `bad_parameter` when `nb` weighting meets more than two labels.
    """
    shards = Tokens.open(tokens)
    with publish(out, KIND) as draft:
        classifier, history = _fit(shards, settings, draft.path)
        validation = score_validation(classifier, shards)
        history[-1]["validation_accuracy"] = accuracy(validation.logits, validation.labels)
        finish(draft, classifier, Dataset.open(dataset), shards, settings, history)
    return read_manifest(out, KIND)


def _fit(
    tokens: Tokens, settings: LogisticSettings, scratch: Path
) -> tuple[LogisticClassifier, list[dict[str, Any]]]:
    """Train; what only training needs, arrays over all features, is gone afterwards."""
    with contextlib.closing(_Training(tokens, settings, scratch)) as training:
        history = [training.epoch(number) for number in range(1, settings.epochs + 1)]
        classifier = training.classifier(_tokenizer(tokens))
    del training
    with contextlib.suppress(AttributeError, OSError):  # where the C library is GNU's
        ctypes.CDLL(None).malloc_trim(0)  # it would keep what was freed, a fifth of the peak
    return classifier, history


class _Training:
    """The state of one training: feature weights and scikit-learn's solver."""

    def __init__(
        self, tokens: Tokens, settings: LogisticSettings, folder: Path | None = None
    ) -> None:
        from sklearn.linear_model import SGDClassifier

        self._tokens, self._settings = tokens, settings
        k = len(tokens.labels)
        self._binary = settings.weighting == "nb" or (settings.weighting == "auto" and k == 2)
        if self._binary and k != 2:
            raise InputError("bad_parameter", f"weighting: nb needs two labels, not {k}.")
        columns = 1 if k == 2 else k
        self._bits = min(settings.hash_bits, (WEIGHT_ENTRIES // columns).bit_length() - 1)
        self._counted = CountedRows(
            tokens, settings.ngrams, self._bits, settings.chunk_rows, not self._binary, folder
        )
        self._progress = Progress("train-logistic", tokens.rows("train") * (settings.epochs + 1))
        self._done = 0
        of_label = np.zeros(k, np.int64)
        rows, by_label = self._count(of_label)
        self._weights = label_weights(of_label, settings.class_weights)
        self._kept = rows >= settings.min_rows
        if self._binary:
            scale = _log_count_ratio(by_label)
        else:
            scale = np.log((1 + tokens.rows("train")) / (1 + rows)) + 1
        self._scale = scale.astype(np.float32)
        del rows, by_label, scale  # megabytes, as every array over all features
        self._solver = SGDClassifier(
            loss="log_loss",
            alpha=settings.alpha or ALPHA["nb" if self._binary else "idf"],
            average=True,
            random_state=settings.seed,
        )

    def close(self) -> None:
        """Remove the temporary file."""
        self._counted.close()

    def _count(
        self, of_label: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Training rows that hold each feature: (f,), and for two labels (2, f); adds labels'."""
        size = 1 << self._bits
        rows, by_label = np.zeros(size, np.int64), np.zeros((2, size * self._binary), np.int32)
        for counts, labels in self._chunks():
            of_label += np.bincount(labels, minlength=len(of_label))
            if self._binary:
                second = np.repeat(labels == 1, np.diff(counts.starts))
                for label, mine in enumerate((~second, second)):
                    by_label[label] += np.bincount(counts.features[mine], minlength=size)
            else:
                rows += np.bincount(counts.features, minlength=size)
        return by_label.sum(axis=0, dtype=np.int64) if self._binary else rows, by_label

    def _chunks(self) -> Iterator[tuple[Counts, npt.NDArray[np.int32]]]:
        for counts, labels in self._counted.chunks():
            yield counts, labels
            self._done += len(labels)
            self._progress.update(self._done)

    def epoch(self, number: int) -> dict[str, Any]:
        """One pass over the training split; returns its line of the history."""
        classes = np.arange(len(self._tokens.labels))
        right = seen = 0
        for counts, labels in self._chunks():
            matrix = self._matrix(counts)
            if hasattr(self._solver, "coef_"):  # score a chunk before learning from it
                right += int((self._solver.predict(matrix) == labels).sum())
                seen += len(labels)
            self._solver.partial_fit(matrix, labels, classes, self._weights[labels])
        if environment().looks:
            self._look(number)
        return {"epoch": number, "progressive_accuracy": round(right / seen, 6) if seen else None}

    def _look(self, number: int) -> None:
        """Tell the accuracy on the validation rows after an epoch, for a search to give up by.

        The progressive accuracy won't do: a row's own label is in the log-count ratios.
        """
        right = seen = 0
        for encoding, labels in self._tokens.batches("validation", BLOCK_ROWS):
            if seen >= VALIDATION_ROWS:
                break
            counts = count_ngrams(encoding, self._settings.ngrams, self._bits)
            right += int((self._solver.predict(self._matrix(counts)) == labels).sum())
            seen += len(labels)
        if seen:
            share = round(right / seen, 6)
            event("evaluated", stage="train-logistic", epoch=number, validation_accuracy=share)

    def _matrix(self, counts: Counts) -> Any:
        """(n, f) feature values as scikit-learn takes them."""
        from scipy.sparse import csr_matrix

        starts, features, values = weigh(counts, self._scale, self._kept, self._binary)
        return csr_matrix((values, features, starts), (len(starts) - 1, 1 << self._bits))

    def classifier(self, tokenizer: Any) -> LogisticClassifier:
        """The inference model: naive Bayes ratios folded into the weights."""
        index = np.flatnonzero(self._kept)
        weights = self._solver.coef_[:, index].T
        if self._binary:
            weights = weights * self._scale[index, None]
        bias = self._solver.intercept_
        if len(self._tokens.labels) == 2:  # one column of log-odds becomes two logits
            weights = np.concatenate([-weights / 2, weights / 2], axis=1)
            bias = np.concatenate([-bias / 2, bias / 2])
        return LogisticClassifier(
            self._tokens.labels,
            tokenizer,
            index,
            (np.ones(len(index)) if self._binary else self._scale[index]).astype(np.float32),
            np.ascontiguousarray(weights, np.float32),
            bias.astype(np.float32),
            self._settings.ngrams,
            self._bits,
            self._binary,
        )


def _log_count_ratio(by_label: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """(f,) log ratio of the smoothed shares of each feature in the two labels' rows."""
    totals = by_label.sum(axis=1) + by_label.shape[1]
    ratio: npt.NDArray[np.float64] = np.log((by_label[1] + 1) / totals[1])
    ratio -= np.log((by_label[0] + 1) / totals[0])
    return ratio


def _tokenizer(tokens: Tokens) -> Any:
    from components import catalogue

    return catalogue.tokenizer(str(tokens.manifest.facts["strategy"])).load(tokens.path)
