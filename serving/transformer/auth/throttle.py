"""Slows down whoever guesses: after a few failures each further one doubles the wait."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

FREE_FAILURES = 5
"""A person who pastes the wrong secret notices by then."""
LONGEST_WAIT_S = 60.0
"""1,440 guesses a day; longer waits would only lock out a client that has been repaired."""
FORGET_S = 900.0
"""A quarter of an hour without a failure, and the count starts anew."""
CAPACITY = 10_000
"""Guessers remembered, about 2 MB; to push one out costs 10,000 failures of others."""


@dataclass
class _Failures:
    count: int
    last: float


class Throttle:
    """Counts failures by key; safe for several threads.

    Args:
        free: Failures without a wait.
        clock: Monotonic seconds.
    """

    def __init__(
        self, free: int = FREE_FAILURES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._free, self._clock = free, clock
        self._failures: OrderedDict[Hashable, _Failures] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, key: Hashable) -> int:
        """Whole seconds until this key may try again; 0 for now."""
        with self._lock:
            failures = self._failures.get(key)
            if failures is None or failures.count < self._free:
                return 0
            wait = min(2.0 ** (failures.count - self._free), LONGEST_WAIT_S)
            return max(0, math.ceil(failures.last + wait - self._clock()))

    def failed(self, key: Hashable) -> None:
        """One more failure of this key."""
        with self._lock:
            now = self._clock()
            failures = self._failures.pop(key, None)
            if failures is None or now - failures.last > FORGET_S:
                failures = _Failures(0, now)
            self._failures[key] = _Failures(failures.count + 1, now)
            if len(self._failures) > CAPACITY:
                self._failures.popitem(last=False)

    def succeeded(self, key: Hashable) -> None:
        """This key knows its secret: forget its failures."""
        with self._lock:
            self._failures.pop(key, None)
