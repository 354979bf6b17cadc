"""Where the request path leaves rows: it copies them and never waits."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from components.drift.window import Rows
from serving.transformer.prediction import Answered

PENDING_ROWS = 4_096
"""Rows that may wait to be gathered, which happens several times a second."""
PENDING_BYTES = 16 * 2**20
"""Memory of those rows; a model of ten thousand labels has room for fewer."""
PENDING_CHARACTERS = 16 * 2**20
"""Of the texts of those rows; they are not copied, only kept from being forgotten."""
PENDING_OUTCOMES = 10_000
"""Feedback that may wait to be gathered."""

Reason = Literal["busy", "full", "other_model", "no_features", "sampled"]
"""`sampled` rows came in faster than the sequential test may spend time on; windows have them."""


@dataclass(frozen=True)
class Drained:
    """What waited.

    Attributes:
        rows: The rows, good until the next call.
        texts: Their texts.
        outcomes: (m,) bool, feedback in order.
    """

    rows: Rows
    texts: list[str]
    outcomes: npt.NDArray[np.bool_]


class DriftTap:
    """A bounded buffer that drops what it has no room for.

    Args:
        dropped: Told how many rows were dropped and why.
    """

    def __init__(self, dropped: Callable[[int, Reason], None]) -> None:
        self._dropped = dropped
        self._lock = threading.Lock()
        self._digest = ""
        self._block, self._spare = Rows(0, 0, 0), Rows(0, 0, 0)
        self._texts: list[str] = []
        self._characters = 0
        self._outcomes: deque[bool] = deque()  # its ends are safe between threads

    def offer(self, answered: Answered) -> None:
        """Copy an answer's rows; drop and count them when that would mean waiting.

        Args:
            answered: n answered texts, with features.
        """
        rows = len(answered.ids)
        # Held by others for microseconds, to exchange two references; even that is not waited for.
        if not self._lock.acquire(blocking=False):
            self._dropped(rows, "busy")
            return
        try:
            refused = self._refusal(answered, rows)
            taken = 0 if refused else self._take(answered, rows)
        finally:
            self._lock.release()
        if taken < rows:
            self._dropped(rows - taken, refused or "full")

    def offer_feedback(self, correct: bool, bundle_digest: str) -> None:
        """Take a prediction's outcome; drop and count it when there is no room.

        Args:
            correct: Whether the prediction was right.
            bundle_digest: The bundle that predicted; another than the watched one's is dropped.
        """
        if bundle_digest != self._digest:
            self._dropped(1, "other_model")
        elif len(self._outcomes) >= PENDING_OUTCOMES:
            self._dropped(1, "full")
        else:
            self._outcomes.append(correct)

    def watch(self, bundle_digest: str, features: int, labels: int) -> None:
        """Take the rows of this bundle from now on, and forget those that wait.

        Args:
            bundle_digest: The bundle.
            features: Numbers in a row's features.
            labels: Numbers in a row's probabilities.
        """
        capacity = min(PENDING_ROWS, max(1, PENDING_BYTES // (4 * (features + labels) + 8)))
        blocks = Rows(capacity, features, labels), Rows(capacity, features, labels)
        with self._lock:
            self._block, self._spare = blocks
            self._texts, self._characters = [], 0
            self._digest = bundle_digest
            self._outcomes.clear()

    def drain(self) -> Drained:
        """The rows and outcomes that wait."""
        with self._lock:
            full, self._block, self._spare = self._block, self._spare, self._block
            texts, self._texts, self._characters = self._texts, [], 0
            self._block.filled = 0
        outcomes = [self._outcomes.popleft() for _ in range(len(self._outcomes))]
        return Drained(full, texts, np.array(outcomes, np.bool_))

    def _refusal(self, answered: Answered, rows: int) -> Reason | None:
        if answered.model.bundle_digest != self._digest:
            return "other_model"
        block, features = self._block, answered.features
        if (
            features is None
            or features.shape != (rows, block.features.shape[1])
            or answered.probabilities.shape != (rows, block.probabilities.shape[1])
            or len(answered.tokens) != rows
            or len(answered.texts) != rows
        ):
            return "no_features"
        return None

    def _take(self, answered: Answered, rows: int) -> int:
        block, features = self._block, answered.features
        taken = min(rows, len(block.lengths) - block.filled)
        if taken == 0 or features is None or self._characters > PENDING_CHARACTERS:
            return 0
        texts = answered.texts[:taken]
        self._texts += texts
        self._characters += sum(map(len, texts))
        if taken < rows:
            features = features[:taken]
            block.put(
                block.filled, features, answered.probabilities[:taken], answered.tokens[:taken]
            )
        else:
            block.put(block.filled, features, answered.probabilities, answered.tokens)
        block.filled += taken
        return taken
