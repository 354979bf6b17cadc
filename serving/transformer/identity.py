"""Names that nobody can guess, for requests and predictions."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator

ID_BYTES = 16
AT_ONCE = 256
"""Ids made of one system call: each of its own would cost more than all else about an id, since
the interpreter is handed over at every one."""


def new_ids() -> Iterator[str]:
    """Ids without end: 128 random bits each, URL-safe base64 without padding (22 characters).

    The next 255 are in memory, so an iterator belongs to one process and one thread.

    Yields:
        An id.
    """
    while True:
        noise = os.urandom(ID_BYTES * AT_ONCE)
        for start in range(0, len(noise), ID_BYTES):
            part = noise[start : start + ID_BYTES]
            yield base64.urlsafe_b64encode(part).rstrip(b"=").decode("ascii")
