"""A transformer that starts at once: forked by a process that has imported it already.

Twenty starts from nothing would take a minute of imports. What is forked is the command itself; its
signals, its exit status and its log are its own.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from tests.serving.processes import Process, own_environment

PARENT = """
import os, sys
import serving.transformer.app, serving.transformer.server, uvloop
from serving.transformer.command import main

for line in sys.stdin:
    pid = os.fork()
    if not pid:
        log = os.open(line.strip(), os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        try:
            main(sys.argv[1:])
            status = 0
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else int(error.code is not None)
        except BaseException:
            status = 70
        os._exit(status)
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


class Forked(Process):
    """As `Process`, for the transformer's command line.

    Args:
        arguments: Its arguments.
        folder: Where it runs.
        name: Of its log.
    """

    def __init__(self, arguments: list[str], folder: Path, name: str) -> None:
        super().__init__([sys.executable, "-P", "-c", PARENT, *arguments], folder, name)
        self._pid = 0
        self._status: int | None = None

    @property
    def pid(self) -> int:
        return self._pid

    @property
    def alive(self) -> bool:
        return self._pid != 0 and self._told(0) is None

    def start(self) -> None:
        assert not self.alive
        if self.process is None:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=own_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{self.log}\n".encode())
        self.process.stdin.flush()
        self._pid, self._status = int(self.process.stdout.readline()), None

    def signal(self, number: signal.Signals) -> None:
        assert self.alive
        os.kill(self._pid, number)

    def ended(self, seconds: float = 60.0) -> int:
        status = self._told(seconds)
        if status is None:
            raise subprocess.TimeoutExpired(self.command, seconds)
        return status

    def end(self) -> None:
        super().end()
        if self.process is not None:
            self.process.communicate(timeout=30)  # closes its input, which ends it
            self.process = None

    def _told(self, seconds: float) -> int | None:
        """The exit status, once the parent says it."""
        if self._status is None:
            assert self.process is not None
            assert self.process.stdout is not None
            if select.select([self.process.stdout], [], [], seconds)[0]:
                self._status = int(self.process.stdout.readline())
        return self._status
