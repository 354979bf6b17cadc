"""Memory that a training step frees and the next one needs again."""

from __future__ import annotations

import contextlib
import ctypes

# malloc.h of the GNU C library (mallopt(3)).
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
_MOST = 2**31 - 1


def keep_freed_memory() -> None:
    """Have the C library keep what is freed, where it is GNU's.

    By default it takes every large array from the kernel and gives it back, so that each step of a
    training meets pages that must be zeroed first: a fifth of the LSTM's CPU time. To be called
    before the first step, whose threads would have heaps of their own.
    """
    with contextlib.suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in ((_ARENA_MAX, 1), (_MMAP_MAX, 0), (_TRIM_THRESHOLD, _MOST)):
            mallopt(parameter, value)
