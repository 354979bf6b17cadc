"""Fetches one registered version's bundle: what an init container does before the predictor.

`python -m components.registry.fetch --model tamis --version 7 --digest <sha256> --out /mnt/models`
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from components.contract import logs
from components.contract.artifact import read_manifest, storage_error, verify
from components.contract.bundle import KIND
from components.contract.environment import environment
from components.contract.errors import TamisError
from components.contract.exits import exit_on_error
from components.registry.aliases import Registry, Version
from components.registry.champion import local_bundle


def fetch(registry: Registry, version: Version, out: Path) -> None:
    """Put a version's bundle into a directory, its manifest last; does nothing when it is there.

    The directory may be a mount point, which can't be renamed into place.

    Args:
        registry: Where the version is registered.
        version: Its number and, among its tags, its bundle's digest.
        out: The directory.

    Raises:
        InputError: `no_champion`.
        IntegrityError: `corrupted` when it isn't that bundle.
        TamisError: `registry_unreachable`, `tracking_failed`, `disk_full`.
    """
    if _there(out, version.bundle_digest):
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".fetch-") as store:
            found = local_bundle(registry, version, Path(store))
            names = [path.relative_to(found) for path in sorted(found.rglob("*")) if path.is_file()]
            for name in sorted(names, key=lambda path: path.name == "manifest.json"):
                (out / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(found / name, out / name)
    except OSError as error:
        raise storage_error(error, out) from error
    verify(out, KIND)
    logs.event("fetched", digest=version.bundle_digest)


def main(argv: list[str] | None = None) -> None:
    """Run `python -m components.registry.fetch`.

    Args:
        argv: Arguments; the process's own by default.

    Raises:
        SystemExit: With the error's exit status.
    """
    arguments = parser().parse_args(argv)
    with exit_on_error():
        registry = Registry(environment().tracking_uri, arguments.model)
        version = Version(arguments.version, {"bundle_digest": arguments.digest})
        fetch(registry, version, arguments.out)


def parser() -> argparse.ArgumentParser:
    """The command line's parser."""
    made = argparse.ArgumentParser(prog="components.registry.fetch")
    made.add_argument("--model", required=True, help="the registered model's name")
    made.add_argument("--version", required=True, help="its version")
    made.add_argument("--digest", required=True, help="the bundle's digest")
    made.add_argument("--out", type=Path, required=True)
    return made


def _there(out: Path, digest: str) -> bool:
    try:
        return read_manifest(out, KIND).digest == digest and bool(verify(out, KIND))
    except TamisError:
        return False


if __name__ == "__main__":
    main()
