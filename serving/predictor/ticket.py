"""A request under way: its texts wait, are scored in any order, and come back together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.contract.calibration import Probabilities
from components.contract.encoding import Ids
from serving.predictor.errors import scoring_failed
from serving.predictor.limits import FAIR_SLICE_S
from serving.predictor.served import Served
from serving.predictor.tokens import Tokenised


class Ticket:
    """What becomes of one request's n texts; only the event loop writes to it.

    Args:
        served: The model that scores them.
        tokenised: Their ids.
        arrived: When the request came, `time.monotonic()`.
        deadline: When its answer is of no use any more, likewise.
        answered: Resolved with None once every text is scored.
    """

    __slots__ = (
        "_failed",
        "_left",
        "answered",
        "arrived",
        "deadline",
        "features",
        "probabilities",
        "queued",
        "served",
        "tokenised",
    )

    def __init__(
        self,
        served: Served,
        tokenised: Tokenised,
        arrived: float,
        deadline: float,
        answered: asyncio.Future[None],
    ) -> None:
        n = len(tokenised.rows)
        self.served, self.tokenised, self.answered = served, tokenised, answered
        self.arrived, self.deadline = arrived, deadline
        self.queued = arrived  # until the queue knows better
        self.probabilities = np.empty((n, len(served.classifier.labels)), np.float32)
        self.features: npt.NDArray[np.float32] | None = None
        self._left = n
        self._failed: list[int] = []

    def items(self) -> list[Item]:
        """One item a text, the longest first, so that the last batches are short ones."""
        rows = self.tokenised.rows
        order = sorted(range(len(rows)), key=lambda row: -len(rows[row])) if rows[1:] else (0,)
        return [
            Item(self, row, rows[row], max(1, len(rows[row])), self.arrived + i * FAIR_SLICE_S)
            for i, row in enumerate(order)
        ]

    def scored(
        self, row: int, probabilities: Probabilities, features: npt.NDArray[np.float32]
    ) -> None:
        """Keep one text's scores: probabilities (k,) and features (d,)."""
        if self.features is None:
            self.features = np.empty((len(self.probabilities), len(features)), np.float32)
        self.probabilities[row], self.features[row] = probabilities, features
        self._arrived()

    def failed(self, row: int) -> None:
        """Note that the model gives no score for one text."""
        self._failed.append(row)
        self._arrived()

    def _arrived(self) -> None:
        self._left -= 1
        if self._left or self.answered.done():
            return
        if self._failed:
            self.answered.set_exception(scoring_failed(sorted(self._failed)))
        else:
            self.answered.set_result(None)


@dataclass(eq=False, slots=True)
class Item:
    """One text that waits.

    Attributes:
        ticket: Its request.
        row: Its place there.
        ids: Its token ids.
        cost: Tokens that it takes in a batch, at least 1.
        rank: When its turn is: the request's arrival, later for each text before it.
        taken: Whether a batch has it, or nobody wants it any more.
        number: Order of arrival in the queue.
    """

    ticket: Ticket
    row: int
    ids: Ids
    cost: int
    rank: float
    taken: bool = False
    number: int = 0
