"""The processes of the loop: those that `tamis serve`, `tamis trigger`, `make monitor` start."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from components.contract.errors import TamisError
from serving.local import die_with_parent

ROOT = Path(__file__).resolve().parents[2]
READY_S = 120.0
STOP_S = 60.0
POLL_S = 0.1


def tamis(*arguments: str) -> list[str]:
    """A command of ours, as installed beside this Python."""
    return [str(Path(sys.executable).with_name("tamis")), *arguments]


def environment(cache: Path) -> Mapping[str, str]:
    """What every process gets: our code, and a stage cache that outlives the run."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TAMIS_", "MLFLOW_"))}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "TAMIS_CACHE": str(cache),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "HF_HUB_OFFLINE": "1",
    }


def run(command: Sequence[str], folder: Path, variables: Mapping[str, str], log: str) -> str:
    """Run a command to its end.

    Args:
        command: The command.
        folder: Where.
        variables: Its environment.
        log: Name of the file that its errors go to.

    Returns:
        What it printed.

    Raises:
        TamisError: `loop_failed`.
    """
    with (folder / f"{log}.log").open("ab") as stream:
        done = subprocess.run(  # noqa: S603 - our own commands
            command,
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stream,
            check=False,
        )
    if done.returncode:
        raise TamisError(
            "loop_failed", f"{log} ended with status {done.returncode}.", f"See {folder}/{log}.log."
        )
    return done.stdout.decode()


@contextlib.contextmanager
def running(
    name: str, command: Sequence[str], folder: Path, variables: Mapping[str, str], ready_url: str
) -> Iterator[None]:
    """Keep a process running while the block runs.

    Args:
        name: Names it, and its log.
        command: The command.
        folder: Where.
        variables: Its environment.
        ready_url: What answers 200 once it is ready.

    Yields:
        Nothing, once it is ready.

    Raises:
        TamisError: `loop_failed` when it ends or isn't ready in time.
    """
    with (folder / f"{name}.log").open("ab") as stream:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command,
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            preexec_fn=die_with_parent,
        )
    try:
        wait_for(lambda: _answers(ready_url) or _ended(process, name, folder), READY_S, name)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(condition: Callable[[], bool], patience_s: float, what: str) -> None:
    """Wait until something holds.

    Args:
        condition: What.
        patience_s: Longest wait, in seconds.
        what: Its name, for the message.

    Raises:
        TamisError: `loop_failed` when it doesn't come to hold.
    """
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise TamisError("loop_failed", f"Waited {patience_s:.0f} s for: {what}.")
        time.sleep(POLL_S)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def _ended(process: subprocess.Popen[bytes], name: str, folder: Path) -> bool:
    if process.poll() is not None:
        raise TamisError("loop_failed", f"{name} ended at once.", f"See {folder / name}.log.")
    return False
