"""From texts to scores: requests of many clients through shared batches and a few threads."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from components.contract.calibration import Probabilities
from serving.predictor.errors import RequestError, too_late
from serving.predictor.limits import INLINE_CHARACTERS
from serving.predictor.metrics import PredictorMetrics
from serving.predictor.queue import Batch, BatchQueue
from serving.predictor.scoring import Failed, Scored, score
from serving.predictor.served import Served
from serving.predictor.settings import BatchSettings
from serving.predictor.ticket import Ticket
from serving.predictor.tokens import Tokenised, tokenise


@dataclass(frozen=True)
class Answer:
    """What the model says of n texts, in their order.

    Attributes:
        served: The model that said it.
        probabilities: (n, k) float32.
        features: (n, d) float32.
        tokens: (n,) int64, tokens in each text before it was cut.
        truncated: (n,) bool, whether it was cut.
    """

    served: Served
    probabilities: Probabilities
    features: npt.NDArray[np.float32]
    tokens: npt.NDArray[np.int64]
    truncated: npt.NDArray[np.bool_]


class Engine:
    """Scores the texts of concurrent requests together; an async context manager.

    Args:
        served: The model to begin with.
        settings: Batches, queue and threads; `workers` must be given.
        metrics: Where to count.
    """

    def __init__(self, served: Served, settings: BatchSettings, metrics: PredictorMetrics) -> None:
        self._served, self._metrics = served, metrics
        self._queue = BatchQueue(settings.queue_texts, settings.wait_ms / 1000)
        self._tokenisers = ThreadPoolExecutor(1, "tokenise")
        self._workers = [
            threading.Thread(target=self._work, name=f"score-{i}", daemon=True)
            for i in range(settings.workers)
        ]
        self._loop: asyncio.AbstractEventLoop
        self._scoring_soon = False
        metrics.watch_queue(lambda: self._queue.waiting)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        for worker in self._workers:
            worker.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._queue.close()
        for worker in self._workers:
            await asyncio.to_thread(worker.join)
        self._tokenisers.shutdown()

    @property
    def served(self) -> Served:
        """The model that new requests are scored by."""
        return self._served

    @property
    def alive(self) -> bool:
        """Whether there are threads to score."""
        return all(worker.is_alive() for worker in self._workers)

    def swap(self, served: Served) -> None:
        """Serve another model from now on; requests under way end with the one they began with."""
        self._served = served

    async def score(self, texts: Sequence[str], truncate: bool, deadline: float) -> Answer:
        """Score one request's texts.

        Args:
            texts: n texts, n at least 1.
            truncate: Whether a text may be cut to what the model sees.
            deadline: When the answer is of no use any more, `time.monotonic()`.

        Returns:
            The answer, n rows.

        Raises:
            RequestError: `text_too_long`, `overloaded`, `deadline_exceeded` or `scoring_failed`.
        """
        served, arrived = self._served, time.monotonic()
        self._queue.reserve(len(texts))
        try:
            tokenised = await self._tokenise(served, texts)
            if not truncate:
                _refuse_cut(tokenised, served)
        except BaseException:
            self._queue.release(len(texts))
            raise
        ticket = Ticket(served, tokenised, arrived, deadline, self._loop.create_future())
        self._queue.put(ticket)
        if not served.limits.parallel:
            self._score_soon()
        await self._answered(ticket)
        assert ticket.features is not None
        return Answer(
            served,
            ticket.probabilities,
            ticket.features,
            tokenised.tokens,
            tokenised.truncated,
        )

    async def _tokenise(self, served: Served, texts: Sequence[str]) -> Tokenised:
        started = time.perf_counter()
        if sum(map(len, texts)) <= INLINE_CHARACTERS:
            tokenised = tokenise(served.classifier, texts)
        else:
            tokenised = await self._loop.run_in_executor(
                self._tokenisers, tokenise, served.classifier, texts
            )
        self._metrics.tokenised(time.perf_counter() - started, tokenised)
        return tokenised

    async def _answered(self, ticket: Ticket) -> None:
        def expire() -> None:
            if not ticket.answered.done():
                ticket.answered.set_exception(too_late())

        timer = self._loop.call_later(ticket.deadline - time.monotonic(), expire)
        try:
            await ticket.answered
        except BaseException:
            self._queue.discard(ticket)
            raise
        finally:
            timer.cancel()

    def _score_soon(self) -> None:
        # Requests that are ready in the same turn of the loop are put before this is called.
        if not self._scoring_soon:
            self._scoring_soon = True
            self._loop.call_soon(self._score_now)

    def _score_now(self) -> None:
        self._scoring_soon = False
        batch = self._queue.poll()
        if batch is not None:
            self._deliver(*self._scored(batch))
            self._score_soon()

    def _scored(self, batch: Batch) -> tuple[Batch, list[Scored | Failed], float]:
        started = time.perf_counter()
        pieces = list(score(batch.served, batch.items))
        self._queue.done(batch)
        return batch, pieces, time.perf_counter() - started

    def _work(self) -> None:
        while (batch := self._queue.take()) is not None:
            scored = self._scored(batch)
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
                self._loop.call_soon_threadsafe(self._deliver, *scored)

    def _deliver(self, batch: Batch, pieces: list[Scored | Failed], seconds: float) -> None:
        self._metrics.scored(batch, seconds)
        for piece in pieces:
            if isinstance(piece, Failed):
                piece.item.ticket.failed(piece.item.row)
                continue
            for i, item in enumerate(piece.items):
                if piece.sound[i]:
                    item.ticket.scored(item.row, piece.probabilities[i], piece.features[i])
                else:
                    item.ticket.failed(item.row)


def _refuse_cut(tokenised: Tokenised, served: Served) -> None:
    if not tokenised.truncated.any():
        return
    first = int(np.argmax(tokenised.truncated))
    raise RequestError(
        400,
        "text_too_long",
        f"Text {first} has {tokenised.tokens[first]} tokens and the model sees"
        f" {served.classifier.max_tokens}.",
        field="truncate",
        hint="Shorten it, or say truncate: true.",
        texts=[first],
    )
