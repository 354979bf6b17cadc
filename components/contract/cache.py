"""A stage cache keyed by content: data, code and parameters.

Kubeflow Pipelines caches on a cluster and DVC in its own repository; `kfp.local` has no cache, so
the same function calls keep theirs here when `TAMIS_CACHE` names a directory.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, Protocol, runtime_checkable

from components.contract import logs
from components.contract.artifact import (
    Manifest,
    file_digest,
    link,
    read_manifest,
    storage_error,
    verify,
)
from components.contract.environment import environment
from components.contract.errors import TamisError

P = ParamSpec("P")
ROOT = Path(__file__).resolve().parents[1]


@runtime_checkable
class Fingerprinted(Protocol):
    """Something outside the artifacts whose content has an identity."""

    def fingerprint(self) -> str:
        """A string that changes when the content does."""
        ...


def cached(
    stage: str, kind: str, code: tuple[str, ...], ignore: tuple[str, ...] = ()
) -> Callable[[Callable[P, Manifest]], Callable[P, Manifest]]:
    """Skip a stage's work when the same inputs, settings and code have been through it.

    The decorated function takes published directories (`Path`), settings (dataclasses), things
    with a `fingerprint()`, plain values and mappings of these, and writes to its argument `out`.

    Args:
        stage: Names the cache's folder and the log lines.
        kind: The manifest kind that the stage publishes.
        code: Files and folders under `components/` whose source decides the result.
        ignore: Arguments that don't change the result.

    Returns:
        A decorator.
    """

    def decorate(function: Callable[P, Manifest]) -> Callable[P, Manifest]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> Manifest:
            root = environment().cache
            if root is None:
                return function(*args, **kwargs)
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            out = Path(bound.arguments["out"])
            identity = {
                name: _identity(value)
                for name, value in bound.arguments.items()
                if name != "out" and name not in ignore
            }
            entry = root / stage / cache_key(stage, code, identity)
            try:
                manifest = verify(entry, kind)
            except TamisError:
                shutil.rmtree(entry, ignore_errors=True)  # absent, or damaged since
            else:
                _materialise(entry, out)
                os.utime(entry)  # what is used last is pruned last
                logs.event("cached", stage=stage)
                return manifest
            result = function(*args, **kwargs)
            try:
                _materialise(out, entry)
            except TamisError:
                # Processes that train together (torchrun) all keep the one result.
                if not (entry.is_dir() and read_manifest(entry).digest == result.digest):
                    raise
            return result

        return call

    return decorate


def cache_key(stage: str, code: tuple[str, ...], identity: Mapping[str, Any]) -> str:
    """The key of one stage call: SHA-256 (hex) over its name, code and inputs."""
    document = json.dumps([stage, code_digest(code), identity], sort_keys=True, default=str)
    return hashlib.sha256(document.encode()).hexdigest()


def prune(root: Path, keep_bytes: int) -> int:
    """Remove the entries that were used longest ago until the rest fits.

    Args:
        root: The cache's directory.
        keep_bytes: What the rest may take, in bytes.

    Returns:
        How many entries were removed.
    """
    used = {entry: entry.stat().st_mtime for entry in root.glob("*/*") if entry.is_dir()}
    removed = 0
    for entry in sorted(used, key=used.__getitem__, reverse=True):
        keep_bytes -= sum(file.stat().st_size for file in entry.rglob("*") if file.is_file())
        if keep_bytes < 0:
            shutil.rmtree(entry, ignore_errors=True)
            removed += 1
    return removed


@functools.cache
def code_digest(code: tuple[str, ...]) -> str:
    """SHA-256 (hex) over the Python sources of files and folders under `components/`."""
    sources = {}
    for name in code:
        path = ROOT / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            sources[file.relative_to(ROOT).as_posix()] = file_digest(file)
    return hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest()


def _identity(value: Any) -> Any:
    if isinstance(value, Fingerprinted):
        return value.fingerprint()
    if isinstance(value, Path):
        return read_manifest(value).digest
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _identity(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _identity(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_identity(item) for item in value]
    return value


def _materialise(source: Path, target: Path) -> None:
    """Copy a published directory by hard links where the file system has them."""
    staging = target.parent / f".{target.name}.{os.getpid()}.partial"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(staging, ignore_errors=True)
        shutil.copytree(source, staging, copy_function=link)
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)
    except OSError as error:
        raise storage_error(error, target) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
