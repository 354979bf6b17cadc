"""The model in service and the batches that suit it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from components.catalogue import open_classifier
from components.contract.bundle import REFERENCE_FILE
from components.contract.classifier import Classifier
from components.contract.errors import IntegrityError
from components.contract.onnx_session import OnnxClassifier
from serving.predictor.settings import BatchSettings

ONNX_ROWS, ONNX_TOKENS, ONNX_PADDING = 8, 256, 6
"""Measured with MiniLM on one thread: 8 sentences cost 6.7 ms each, 32 cost 6.6 and four times the
wait, one alone 8.9; a batch costs 0.23 ms a token and 2 ms besides. So a text that brings padding
for more than those 2 ms had better be in another batch, and 256 tokens make them not count.
"""

OTHER_ROWS, OTHER_TOKENS = 256, 32_768
"""Measured with the logistic model: 0.11 ms for one text, 1.0 ms for 256, so that the event loop is
never held up for long."""


@dataclass(frozen=True)
class BatchLimits:
    """What one batch may hold and how many may be scored at once.

    Attributes:
        rows: Most texts.
        tokens: Most tokens, padding counted; a single longer text is a batch by itself.
        padding: Most tokens of padding that one more text may bring.
        parallel: Batches that threads score at the same time; 0 when the event loop scores them
            itself, between what else it does.
    """

    rows: int
    tokens: int
    padding: int
    parallel: int


@dataclass(frozen=True, eq=False)
class Served:
    """A bundle that was opened and checked.

    Attributes:
        version: Its version in the registry; its digest's beginning when it has none.
        digest: SHA-256 (hex) of its content.
        classifier: Its classifier; each call scores on one thread.
        limits: Its batches.
        reference: The bundle's `reference.safetensors`, for whoever watches for drift: the
            bundle's folder may be gone by the time they ask.
    """

    version: str
    digest: str
    classifier: Classifier
    limits: BatchLimits
    reference: bytes = b""

    @property
    def architecture(self) -> str:
        """The name that the catalogue knows its classifier by."""
        return self.classifier.architecture


def open_served(path: Path, version: str, digest: str, settings: BatchSettings) -> Served:
    """Open a bundle: digests verified, golden rows replayed.

    Args:
        path: Its directory.
        version: Its version in the registry; empty when it has none.
        digest: The digest that it must have.
        settings: What was set for batches; zeros take what suits the model.

    Returns:
        The model, ready to score.

    Raises:
        InputError: `not_found`.
        IntegrityError: `corrupted` or `golden_mismatch`.
    """
    bundle, classifier = open_classifier(path, threads=1)
    if bundle.manifest.digest != digest:
        raise IntegrityError("corrupted", f"{str(path)!r} was replaced while it was opened.")
    limits = batch_limits(classifier, settings)
    reference = (path / REFERENCE_FILE).read_bytes()
    return Served(version or digest[:12], digest, classifier, limits, reference)


def batch_limits(classifier: Classifier, settings: BatchSettings) -> BatchLimits:
    """The batches that suit a classifier.

    ONNX Runtime lets go of Python's lock, so batches are scored in parallel, and pays for every
    row, so they are small. What computes in numpy keeps the lock, so that threads would only take
    it from the event loop and from each other, and pays by the call: a batch is what has come
    meanwhile.

    Args:
        classifier: The classifier.
        settings: What was set; zeros are filled in. `workers` must be given.

    Returns:
        The limits.
    """
    if isinstance(classifier, OnnxClassifier):
        suits = BatchLimits(ONNX_ROWS, ONNX_TOKENS, ONNX_PADDING, settings.workers)
    else:
        suits = BatchLimits(OTHER_ROWS, OTHER_TOKENS, OTHER_TOKENS, 0)  # nothing is padded
    return dataclasses.replace(
        suits, rows=settings.rows or suits.rows, tokens=settings.tokens or suits.tokens
    )
