"""Processes that a killed run left behind: its stages run in processes of their own.

They would go on, unseen, beside those of the run's second attempt.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
WAIT_S = 10.0
"""A killed process is gone within milliseconds, unless a disk keeps it."""
_SESSION_FIELD = 3
"""Of proc(5)'s `stat`, counted behind the name: state, parent, group, session."""


def begin_session(file: Path) -> None:
    """Write down which session this process leads.

    Args:
        file: Where.
    """
    file.write_text(str(os.getsid(0)), encoding="ascii")


def end_session(file: Path, run_id: str) -> int:
    """Kill what is left of a session, if it is really that run's.

    A session's number is given out again once the session is empty, so a process counts only if
    its environment names the run.

    Args:
        file: What `begin_session` wrote; nothing happens where there is none.
        run_id: The run, as the processes' `TAMIS_RUN_ID` has it.

    Returns:
        How many processes were killed.
    """
    try:
        session = int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
    killed = set()
    deadline = time.monotonic() + WAIT_S
    while left := list(_members(session, f"TAMIS_RUN_ID={run_id}".encode())):
        for pid in left:
            killed.add(pid)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return len(killed)


def _members(session: int, variable: bytes) -> Iterator[int]:
    for folder in PROC.glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text(encoding="ascii", errors="replace")
            fields = stat.rpartition(")")[2].split()
            if fields[0] == "Z" or int(fields[_SESSION_FIELD]) != session:
                continue
            if variable in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name)
        except (OSError, ValueError, IndexError):
            continue  # it has ended meanwhile, or is somebody else's
