"""Runs as processes of this machine.

A run's process holds a lock on a file of the run's folder for as long as it lives, from before it
exists: the trigger takes the lock and hands it down. So whoever looks, after whatever kill, knows
whether it still goes on: no process id can deceive, and no second one can begin beside it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.contract.artifact import replace_json, storage_error
from components.contract.errors import TamisError
from pipelines.trigger.ledger import Run
from pipelines.trigger.leftovers import end_session
from pipelines.trigger.runner import Ending, LostError

PARAMETERS, RESULT, SESSION, LOCK = "parameters.json", "result.json", "session", "lock"
LOG = "process.log"
STOP_S = 10.0
"""Longest wait for a run's process to end when the trigger does."""
COMMAND = (sys.executable, "-P", "-m", "pipelines.trigger.local_run")


class LocalRunner:
    """Starts a process for each run; see `Runner`.

    Args:
        folder: Holds a folder a run.
        command: What is started, followed by the run's folder.
    """

    def __init__(self, folder: Path, command: Sequence[str] = COMMAND) -> None:
        self._folder, self._command = folder, tuple(command)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, run: Run, document: Mapping[str, Any]) -> str:
        folder = self._folder / run.id
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = self._lock(folder)
            if lock is None:
                return ""  # it runs already: an earlier start of ours
            try:
                if not (folder / RESULT).exists():
                    end_session(folder / SESSION, run.id)
                    replace_json(folder / PARAMETERS, dict(document))
                    self._spawn(run, folder, lock)
            finally:
                os.close(lock)
        except OSError as error:
            raise storage_error(error, folder) from error
        return ""

    def find(self, run: Run) -> str | None:
        folder = self._folder / run.id
        if not folder.is_dir():
            return None
        return "" if (folder / RESULT).exists() or self._going_on(folder) else None

    def look(self, run: Run) -> Ending | None:
        folder = self._folder / run.id
        if folder.is_dir() and self._going_on(folder):
            return None
        self._reap()
        try:
            told = json.loads((folder / RESULT).read_bytes())
            return Ending(told["outcome"], told["code"], told["message"], told["summary"])
        except FileNotFoundError:
            raise LostError(
                "run_died", "The run's process is gone.", f"Its log is in {folder}."
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TamisError("bad_result", f"{folder / RESULT} can't be read.") from error

    def close(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)  # its stages' processes are in its group
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
                return

    def _reap(self) -> None:
        """Take note of a process that has let go of its lock: it is ending, or has."""
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _spawn(self, run: Run, folder: Path, lock: int) -> None:
        self._reap()
        environment = {**os.environ, "TAMIS_RUN_ID": run.id}
        with (folder / LOG).open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [*self._command, str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                pass_fds=(lock,),
                start_new_session=True,  # a Ctrl-C in the terminal is ours to pass on
            )

    def _going_on(self, folder: Path) -> bool:
        lock = self._lock(folder)
        if lock is None:
            return True
        os.close(lock)
        return False

    @staticmethod
    def _lock(folder: Path) -> int | None:
        """The run's lock as a file descriptor; None when a living process holds it."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(folder / LOCK, flags, 0o600)
        for _ in range(5):  # another look of another process holds it for microseconds
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except BlockingIOError:
                time.sleep(0.01)
        os.close(descriptor)
        return None
