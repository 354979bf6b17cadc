"""Containers under the restrictions that the manifests ask for."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HARDENED = (
    "--read-only",
    "--cap-drop=ALL",
    "--user=10001",
    "--tmpfs=/tmp",
    "--security-opt=no-new-privileges",
    "--pids-limit=256",
)
PATIENCE_S = 120


def image(name: str) -> str:
    """An image's name with the tag under test."""
    return f"tamis-{name}:{os.environ['TAG_UNDER_TEST']}"


def docker(*arguments: str, check: bool = True) -> str:
    """What a docker command prints."""
    program = os.environ.get("DOCKER", "docker")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"docker {' '.join(arguments[:3])}…: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def run_once(name: str, *command: str, options: tuple[str, ...] = ()) -> str:
    """Run a command in a hardened container without a network; its output."""
    restrictions = (*HARDENED, "--network=none", "--entrypoint=")
    return docker("run", "--rm", *restrictions, *options, image(name), *command)


@dataclass(frozen=True)
class Container:
    """A container that runs.

    Attributes:
        identity: Its id.
    """

    identity: str

    @property
    def state(self) -> Mapping[str, Any]:
        """What Docker knows of its process."""
        state: dict[str, Any] = json.loads(docker("inspect", self.identity))[0]["State"]
        return state

    @property
    def logs(self) -> str:
        """What it printed."""
        return docker("logs", self.identity)

    def address(self, port: int) -> str:
        """Where on loopback a published port answers."""
        published = docker("port", self.identity, f"{port}/tcp").split()[0]
        return f"http://127.0.0.1:{published.rpartition(':')[2]}"

    def wait(self, until: Callable[[], bool], what: str) -> None:
        """Wait for something; a container that ended, or took too long, is an error."""
        deadline = time.monotonic() + PATIENCE_S
        while not until():
            state = self.state
            assert state["Running"], f"{what}: it ended.\n{self.logs[-3000:]}"
            assert time.monotonic() < deadline, f"{what}: not in time.\n{self.logs[-3000:]}"
            time.sleep(0.3)


@contextmanager
def running(name: str, *command: str, options: tuple[str, ...] = ()) -> Iterator[Container]:
    """A hardened container while the block runs."""
    identity = docker("run", "--detach", *HARDENED, *options, image(name), *command).strip()
    try:
        yield Container(identity)
    finally:
        docker("rm", "--force", "--volumes", identity)


def answers(url: str) -> bool:
    """Whether an address answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def readable(folder: Path) -> None:
    """A container's user is another than the tests', so its files must be anybody's to read."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
