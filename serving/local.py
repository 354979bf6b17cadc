"""`tamis serve`: predictor and transformer on this machine, each restarted when it dies."""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from components.contract.errors import InputError, TamisError

READY_S = 120.0
"""Longest wait for the service: opening a large model takes some seconds."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0
"""A process that keeps dying is restarted ever more slowly."""
STEADY_S = 30.0
"""A process that lived this long was well; its next death starts from the first pause."""
STOP_S = 40.0
"""Longest wait for a process to drain before it is killed."""
_PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """One of the service's processes.

    Attributes:
        name: What it is.
        command: How it is started.
        pause_s: Seconds before its next restart.
        process: The process; None before the first start.
        started: When it was started, monotonic seconds.
        restarts: How often it was started again.
    """

    name: str
    command: Sequence[str]
    pause_s: float = FIRST_PAUSE_S
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restarts: int = 0
    _due: float = 0.0

    def start(self) -> None:
        """Start it; it ends when this process does, even when that is killed."""
        self.started, self._due = time.monotonic(), 0.0
        self.process = subprocess.Popen(  # noqa: S603 - our own modules
            list(self.command), stdin=subprocess.DEVNULL, preexec_fn=die_with_parent
        )

    def died(self) -> bool:
        """Whether it has ended by itself."""
        return self.process is not None and self.process.poll() is not None

    def tend(self) -> None:
        """Start it again when it has died and its pause is over; never waits."""
        if not self.died():
            return
        now = time.monotonic()
        if not self._due:
            if now - self.started > STEADY_S:
                self.pause_s = FIRST_PAUSE_S
            self._due = now + self.pause_s
            self.pause_s = min(2 * self.pause_s, LONGEST_PAUSE_S)
        elif now >= self._due:
            self.restarts += 1
            self.start()

    def stop(self) -> None:
        """Ask it to drain and end; kill it when it doesn't."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Service:
    """Predictor and transformer, watched.

    Args:
        predictor: The predictor's command.
        transformer: The transformer's command.
        ready_url: What answers 200 when both are ready.
    """

    def __init__(
        self, predictor: Sequence[str], transformer: Sequence[str], ready_url: str
    ) -> None:
        self._predictor = Child("predictor", predictor)
        self._transformer = Child("transformer", transformer)
        self._ready_url = ready_url
        self._stopping = False

    @property
    def children(self) -> tuple[Child, Child]:
        """Both processes."""
        return self._predictor, self._transformer

    def run(self, on_ready: Callable[[], None]) -> None:
        """Start both, say when they are ready, keep them running until told to stop.

        Args:
            on_ready: Called once.

        Raises:
            TamisError: `not_started` when one ends before the service was ever ready.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        try:
            for child in self.children:
                child.start()
            self._wait_until_ready()
            if not self._stopping:
                on_ready()
            while not self._stopping:
                for child in self.children:
                    child.tend()
                time.sleep(0.1)
        finally:
            # The transformer first: it still needs the predictor while it drains.
            self._transformer.stop()
            self._predictor.stop()

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while not self._stopping:
            for child in self.children:
                if child.died():
                    raise TamisError("not_started", f"The {child.name} ended; see its last line.")
            if ready(self._ready_url):
                return
            if time.monotonic() > deadline:
                raise TamisError("not_started", f"The service was not ready in {READY_S:.0f} s.")
            time.sleep(0.05)


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs one of our modules in this Python, whatever the folder holds."""
    return [sys.executable, "-P", "-m", name, *arguments]


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def check_free(port: int) -> None:
    """Refuse a port that somebody listens on: it might be another of our services, and ready.

    Args:
        port: A port of the loopback interface; 0 is always free.

    Raises:
        InputError: `bad_address`.
    """
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise InputError(
            "bad_address", f"Port {port} can't be listened at: {error.strerror}.", "Take another."
        ) from error


def ready(url: str) -> bool:
    """Whether our own service says so; its certificate may be for the name that others use."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(url, timeout=2, context=context) as answer:  # noqa: S310
            told = json.load(answer)
            return isinstance(told, dict) and told.get("ready") is True
    except (OSError, ValueError, http.client.HTTPException):
        return False


def die_with_parent() -> None:
    """In the child: end with the parent, also when that is killed (Linux, prctl(2))."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    os.setpgid(0, 0)  # Ctrl-C reaches us alone: we stop them in order
