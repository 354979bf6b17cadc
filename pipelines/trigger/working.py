"""Who carries runs out: one process at a time, whoever holds the lock beside the ledger."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from components.contract import logs
from components.contract.artifact import storage_error
from components.contract.errors import TamisError
from pipelines.trigger.ledger import Ledger, Run
from pipelines.trigger.worker import POLL_S, RETRY_S, Worker


@contextlib.contextmanager
def working(lock: Path) -> Iterator[bool]:
    """Try to become the one who carries runs out; a killed holder lets go by dying.

    Args:
        lock: The lock's file.

    Yields:
        Whether this process is the one.

    Raises:
        TamisError: The file system's refusal.
    """
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(lock, flags, 0o600)
    except OSError as error:
        raise storage_error(error, lock) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


class WorkThread(threading.Thread):
    """Carries runs out until it is told to stop; while another process does, it waits.

    Args:
        worker: Does it.
        lock: The lock's file.
    """

    def __init__(self, worker: Worker, lock: Path) -> None:
        super().__init__(name="retraining", daemon=True)
        self._worker, self._lock = worker, lock
        self._stopping = threading.Event()

    def run(self) -> None:
        """The thread's work."""
        while not self._stopping.is_set():
            try:
                with working(self._lock) as ours:
                    while ours and not self._stopping.wait(self._worker.step()):
                        pass
            except Exception:  # noqa: BLE001 - alerts must find somebody who acts on them
                logs.LOGGER.exception("retraining_stumbled")
                self._stopping.wait(RETRY_S)
            self._stopping.wait(POLL_S)

    def stop(self) -> None:
        """End after the step under way."""
        self._stopping.set()
        self.join()


def see_through(
    worker: Worker, ledger: Ledger, lock: Path, run_id: str, on_state: Callable[[Run], None]
) -> Run:
    """Carry a run out, or watch another process do it, until it has ended.

    Args:
        worker: Does it where nobody else does.
        ledger: The state.
        lock: The lock's file.
        run_id: The run.
        on_state: Told of each new state.

    Returns:
        The run, ended.

    Raises:
        TamisError: `unknown_run`; the ledger's or the file system's refusal.
    """
    seen = ""
    while True:
        with working(lock) as ours:
            wait = POLL_S
            while True:
                run = ledger.run(run_id)
                if run is None:
                    raise TamisError("unknown_run", f"The ledger holds no run {run_id!r}.")
                if run.state != seen:
                    seen = run.state
                    on_state(run)
                if run.state == "ended":
                    return run
                if not ours:
                    break
                time.sleep(worker.step())
        time.sleep(wait)
