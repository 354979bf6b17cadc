"""Texts that wait and the batches made of them: similar lengths together, nobody overtaken long.

A batch is built around the text whose turn it is and filled with the waiting texts nearest to it
in length, so padding stays small as with sorted batches, and yet every batch serves the one that
waited longest. There is no timer by default: whoever is free takes what waits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from serving.predictor.errors import overloaded
from serving.predictor.lane import Lane
from serving.predictor.served import Served
from serving.predictor.ticket import Item, Ticket


@dataclass(frozen=True)
class Batch:
    """Texts to score together.

    Attributes:
        served: The model.
        items: The texts, at least one, shortest first.
        waited: Seconds that each has waited.
    """

    served: Served
    items: Sequence[Item]
    waited: Sequence[float]


class BatchQueue:
    """A bounded queue that many threads take batches from.

    Args:
        capacity: Most texts that wait at once.
        wait_s: How long a batch that isn't full waits for company, in seconds.
    """

    def __init__(self, capacity: int, wait_s: float = 0.0) -> None:
        self._capacity, self._wait_s = capacity, wait_s
        self._lanes: dict[Served, Lane] = {}
        self._changed = threading.Condition()
        self._waiting = self._numbered = self._idle = 0
        self._closed = False

    @property
    def waiting(self) -> int:
        """Texts that wait or have a place reserved."""
        return self._waiting

    def reserve(self, texts: int) -> None:
        """Keep places for texts that are about to be tokenised.

        Args:
            texts: How many.

        Raises:
            RequestError: `overloaded` when there are not as many places.
        """
        with self._changed:
            if self._waiting + texts > self._capacity:
                raise overloaded()
            self._waiting += texts

    def release(self, texts: int) -> None:
        """Give reserved places back."""
        with self._changed:
            self._waiting -= texts

    def put(self, ticket: Ticket) -> None:
        """Let a request's texts wait in the places reserved for them."""
        items = ticket.items()
        ticket.queued = time.monotonic()
        with self._changed:
            for item in items:
                self._numbered += 1
                item.number = self._numbered
            lane = self._lanes.get(ticket.served)
            if lane is None:
                lane = self._lanes[ticket.served] = Lane(ticket.served.limits)
            lane.add(items)
            free = lane.limits.parallel - lane.busy
            if free > 0:
                self._changed.notify(min(len(items), free))

    def discard(self, ticket: Ticket) -> None:
        """Forget what still waits of a request that nobody waits for any more."""
        with self._changed:
            lane = self._lanes.get(ticket.served)
            if lane is not None:
                self._waiting -= lane.remove(ticket)
                self._tidy(ticket.served, lane)

    def take(self) -> Batch | None:
        """The next batch; blocks until there is one.

        Returns:
            The batch, to be handed to `done` once it is scored; None when the queue is closed and
            nothing waits.
        """
        with self._changed:
            self._idle += 1
            try:
                while True:
                    turn = self._next(threaded=True)
                    if turn is None:
                        if self._closed and not self._waiting:
                            return None
                        self._changed.wait()
                    elif not self._wait_for_company(*turn):
                        batch = self._batch(*turn)
                        if batch is not None:
                            return batch
            finally:
                self._idle -= 1

    def poll(self) -> Batch | None:
        """The next batch that no thread scores, at once.

        Returns:
            The batch, to be handed to `done` once it is scored; None when nothing waits.
        """
        with self._changed:
            while (turn := self._next(threaded=False)) is not None:
                batch = self._batch(*turn)
                if batch is not None:
                    return batch
            return None

    def done(self, batch: Batch) -> None:
        """Note that a batch is scored: another of its model may be taken."""
        with self._changed:
            lane = self._lanes[batch.served]
            lane.busy -= 1
            if self._closed:
                self._changed.notify_all()
            elif lane.by_cost:
                self._changed.notify()
            self._tidy(batch.served, lane)

    def close(self) -> None:
        """Take no more; what waits is still handed out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _tidy(self, served: Served, lane: Lane) -> None:
        if not lane.busy and not lane.by_cost:
            del self._lanes[served]  # or a model that was replaced would stay in memory

    def _next(self, threaded: bool) -> tuple[Lane, Item] | None:
        turns = [
            (first.rank, first.number, lane, first)
            for lane in self._lanes.values()
            if (lane.busy < lane.limits.parallel if threaded else not lane.limits.parallel)
            and (first := lane.first()) is not None
        ]
        return min(turns)[2:] if turns else None

    def _wait_for_company(self, lane: Lane, first: Item) -> bool:
        """Wait a moment for a fuller batch, if that is wanted; returns whether it did."""
        if not self._wait_s or self._closed or len(lane.by_cost) >= lane.limits.rows:
            return False
        left = first.ticket.queued + self._wait_s - time.monotonic()
        if left <= 0:
            return False
        self._changed.wait(left)
        return True

    def _batch(self, lane: Lane, first: Item) -> Batch | None:
        # A few texts are shared among the idle: two small batches end sooner than one.
        sharers = max(1, min(self._idle, lane.limits.parallel - lane.busy))
        items = lane.take(first, -(-len(lane.by_cost) // sharers))
        self._waiting -= len(items)
        now = time.monotonic()
        wanted = [i for i in items if i.ticket.deadline > now and not i.ticket.answered.done()]
        if not wanted:
            self._tidy(first.ticket.served, lane)
            return None
        lane.busy += 1
        waited = [now - item.ticket.queued for item in wanted]
        return Batch(first.ticket.served, wanted, waited)
