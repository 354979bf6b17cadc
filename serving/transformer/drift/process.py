"""Starting, asking and ending the worker process; an answer never is waited for without limit."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from serving.transformer.drift.frames import Arrays, BrokenFrameError, pack, unpack

POLL_S = 0.2
"""How often the caller may do something else while the worker thinks."""
SINGLE_THREADED = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # alibi-detect has one function compiled that numpy runs as well; its compiled form would be
    # written beside the package, which a container forbids, and read back as a pickle.
    "NUMBA_DISABLE_JIT": "1",
}
"""A worker that used every core would be felt by the request path, niced or not."""


class WorkerLostError(Exception):
    """The worker ended, said something else, or said nothing for too long."""


class WorkerProcess:
    """A running worker.

    Args:
        idle: Called several times a second while the worker is waited for; raises to stop waiting.
    """

    def __init__(self, idle: Callable[[], None]) -> None:
        self._idle = idle
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-P", "-m", "serving.transformer.drift.worker"]
            self._process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - our own
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env={**os.environ, **SINGLE_THREADED},
            )
        ours.setblocking(False)
        self._socket, self._deadline = ours, 0.0

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ask(
        self, message: Mapping[str, Any], arrays: Arrays, timeout_s: float
    ) -> tuple[dict[str, Any], Arrays]:
        """Send a frame and wait for the answer.

        Args:
            message: JSON object.
            arrays: Arrays that belong to it.
            timeout_s: Longest wait, in seconds.

        Returns:
            The answer's object and its arrays.

        Raises:
            WorkerLostError: When there is no answer; the worker is of no use any more.
        """
        self._deadline = time.monotonic() + timeout_s
        try:
            for part in pack(message, arrays):
                self._send(part)
            answer = unpack(self._read)
        except (OSError, EOFError, BrokenFrameError) as error:
            raise WorkerLostError(f"The drift worker ended ({type(error).__name__}).") from error
        return answer

    def close(self) -> None:
        """End it, at once."""
        self._socket.close()
        self._process.kill()  # it keeps nothing that a kill could harm
        self._process.wait()

    def _send(self, part: bytes) -> None:
        left = memoryview(part)
        while left:
            self._wait(write=True)
            left = left[self._socket.send(left) :]

    def _read(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            self._wait(write=False)
            part = self._socket.recv(min(size - len(parts), 2**20))
            if not part:
                break
            parts += part
        return bytes(parts)

    def _wait(self, write: bool) -> None:
        """Until the socket is ready."""
        poll = select.poll()  # select() can't take a busy server's thousandth descriptor
        poll.register(self._socket, select.POLLOUT if write else select.POLLIN)
        while not poll.poll(0):
            if time.monotonic() > self._deadline:
                raise WorkerLostError("The drift worker gave no answer in time.")
            self._idle()
            poll.poll(POLL_S * 1_000)
