"""A Docker daemon for the tests: the machine's own, else one on a private socket."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.images.disk import disk

PATIENCE_S = 30


class NoDaemonError(Exception):
    """There is no Docker daemon, and none can be started."""


@contextmanager
def docker_daemon(scratch: Path) -> Iterator[dict[str, str]]:
    """A daemon that answers while the block runs.

    Args:
        scratch: An empty folder for what it keeps; that can be a dozen gigabytes.

    Yields:
        The environment that `docker` needs to reach it.

    Raises:
        NoDaemonError: Saying why.
    """
    given = dict(os.environ)
    if _answers(given):
        yield given
        return
    program = shutil.which("dockerd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or os.geteuid() != 0:
        raise NoDaemonError("No daemon answers, and starting one takes root and `dockerd`.")
    with disk(scratch) as data, _dockerd(program, scratch, data) as own:
        yield given | own


@contextmanager
def _dockerd(program: str, scratch: Path, data: Path) -> Iterator[dict[str, str]]:
    own = {"DOCKER_HOST": f"unix://{scratch}/docker.sock"}
    with (scratch / "log").open("w", encoding="utf-8") as log:
        daemon = subprocess.Popen(
            [
                program,
                f"--data-root={data}/docker",
                f"--exec-root={scratch}/exec",
                f"--pidfile={scratch}/pid",
                f"--host={own['DOCKER_HOST']}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not _answers(os.environ | own):
            if daemon.poll() is not None or time.monotonic() > deadline:
                last = (scratch / "log").read_text(encoding="utf-8").splitlines()[-3:]
                raise NoDaemonError("dockerd doesn't start here: " + " / ".join(last))
            time.sleep(0.2)
        yield own
    finally:
        daemon.terminate()
        daemon.wait(timeout=60)


def _answers(environment: Mapping[str, str]) -> bool:
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"],
        env=environment,
        capture_output=True,
        check=False,
        timeout=30,
    )
    return asked.returncode == 0
