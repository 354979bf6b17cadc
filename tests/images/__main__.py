"""`make test-images`: a daemon, a base image, our images, and the tests that run them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.images.daemon import NoDaemonError, docker_daemon
from tests.images.stand_in import NAME, make_stand_in

ROOT = Path(__file__).resolve().parents[2]
TAG = "under-test"
BANNER = """
################################################################################
#  THE IMAGES WERE NOT TESTED: neither built nor run.
#  {reason}
################################################################################
"""


@contextmanager
def told(what: str) -> Iterator[None]:
    """Say how long a step took."""
    started = time.monotonic()
    yield
    sys.stdout.write(f"{what}: {time.monotonic() - started:.0f} s\n")
    sys.stdout.flush()


def builder(environment: dict[str, str]) -> dict[str, str]:
    """The environment with the best builder that the client has.

    BuildKit needs the client's plug-in `buildx`, or a client from before it became one.
    """
    for program in dict.fromkeys((shutil.which("docker"), "/usr/bin/docker")):
        if program is None or not Path(program).exists():
            continue
        version = subprocess.run(
            [program, "version", "--format", "{{.Client.Version}}"],
            env=environment, capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip
        plugin = subprocess.run(
            [program, "buildx", "version"], env=environment, capture_output=True, check=False
        )
        if plugin.returncode == 0 or version.startswith("20."):
            return environment | {"DOCKER": program, "DOCKER_BUILDKIT": "1"}
    return environment | {"DOCKER": "docker", "DOCKER_BUILDKIT": "0"}


def base_image(scratch: Path, environment: dict[str, str]) -> None:
    """The base image: the registry's, or one that stands in for it."""
    inspect = ["docker", "image", "inspect", NAME]
    if subprocess.run(inspect, env=environment, capture_output=True, check=False).returncode == 0:
        return
    pull = ["docker", "pull", "--quiet", NAME]
    if subprocess.run(pull, env=environment, capture_output=True, check=False).returncode:
        sys.stdout.write(f"{NAME} can't be pulled: Debian's own Python stands in for it.\n")
        try:
            make_stand_in(scratch, environment)
        except (OSError, LookupError, subprocess.CalledProcessError) as error:
            told = getattr(error, "stderr", None) or b""
            last = told.decode(errors="replace").strip().splitlines()[-1:]
            raise NoDaemonError(f"There is no base image: {error}. {' '.join(last)}") from error


def builds_reach_packages(environment: dict[str, str]) -> None:
    """Refuse a machine whose containers can't install a package: no fault of our Dockerfiles."""
    fetch = [
        *("python", "-m", "pip", "--disable-pip-version-check", "download", "--quiet"),
        *("--no-deps", "--dest", "/tmp", "wheel"),
    ]
    done = subprocess.run(
        ["docker", "run", "--rm", NAME, *fetch],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise NoDaemonError(f"Containers can't install packages here: {' '.join(last)}")


def main() -> None:
    """Build and test, or say loudly why not."""
    with tempfile.TemporaryDirectory(prefix="tamis-images-") as folder:
        scratch = Path(folder)
        try:
            with docker_daemon(scratch) as environment:
                status = run(scratch, builder(environment))
        except NoDaemonError as error:
            sys.stdout.write(BANNER.format(reason=error))
            status = 0
    raise SystemExit(status)


def run(scratch: Path, environment: dict[str, str]) -> int:
    """Build the images and run their tests; pytest's exit status."""
    with told("Base image"):
        base_image(scratch, environment)
        builds_reach_packages(environment)
    make = [
        "make",
        "--no-print-directory",
        "images",
        f"TAG={TAG}",
        f"DOCKER={environment['DOCKER']}",
    ]
    log = scratch / "build.log"
    with told("Build of the images"), log.open("w", encoding="utf-8") as output:
        built = subprocess.run(
            make, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if built.returncode:
        sys.stdout.write(log.read_text(encoding="utf-8", errors="replace")[-6000:])
        return built.returncode
    tests = [sys.executable, "-m", "pytest", "tests/images", "-m", "docker", "-n", "0", "-q"]
    with told("Tests of the images"):
        return subprocess.run(
            tests, cwd=ROOT, env={**os.environ, **environment, "TAG_UNDER_TEST": TAG}, check=False
        ).returncode


if __name__ == "__main__":
    main()
