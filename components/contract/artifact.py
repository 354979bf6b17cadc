"""Directories with a manifest: published whole or not at all, verified when opened.

Every stage's result is such a directory. Files are written to a hidden sibling, synced, and the
directory is renamed into place with `manifest.json` written last, so that a kill, a full disk or
a retry leaves the old result or the new one, never half of either.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.contract.errors import InputError, IntegrityError, TamisError
from components.contract.limits import MANIFEST_BYTES

MANIFEST = "manifest.json"
MEASURED = "measured.json"
"""Kept out of the manifest, and by `.dvcignore` out of DVC's hashes: equal content is equal bytes,
whatever making it cost."""
SCHEMA = 1


@dataclass(frozen=True)
class Manifest:
    """What a published directory says of itself.

    Attributes:
        kind: `dataset`, `tokens`, `bundle`, `evaluation` or `registration`.
        digest: SHA-256 (hex) of kind, facts and files: equal content, equal digest.
        facts: What the content is (labels, counts, settings); part of the digest.
        measured: What making it cost (seconds, megabytes), from a file of its own; not part of
            the digest, and empty where it got lost on the way.
        files: Relative path -> SHA-256 (hex) of its bytes.
    """

    kind: str
    digest: str
    facts: Mapping[str, Any]
    measured: Mapping[str, Any]
    files: Mapping[str, str]


@dataclass
class Draft:
    """A directory being written; `facts` and `measured` end up in its manifest."""

    path: Path
    facts: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)


@contextlib.contextmanager
def publish(out: Path, kind: str) -> Iterator[Draft]:
    """Write a directory and publish it atomically when the block ends without an error.

    Args:
        out: Where the directory will appear; an older result there is replaced.
        kind: The manifest's kind.

    Yields:
        A draft whose `path` is an empty directory to write files into.

    Raises:
        TamisError: `disk_full` or `not_writable` when the file system refuses.
    """
    out = Path(os.path.abspath(out))  # noqa: PTH100 - resolve() would follow a link at `out`
    staging = out.parent / f".{out.name}.{os.getpid()}.partial"
    started, started_cpu = time.perf_counter(), time.process_time()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _recover(out)
        _remove_abandoned(out)
        staging.mkdir()
        draft = Draft(staging)
        yield draft
        draft.measured.setdefault("wall_s", round(time.perf_counter() - started, 3))
        draft.measured.setdefault("cpu_s", round(time.process_time() - started_cpu, 3))
        draft.measured.setdefault("peak_rss_mb", peak_rss_mb())
        _seal(draft, kind)
        _swap(staging, out)
    except OSError as error:
        raise storage_error(error, out) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def read_manifest(path: Path, kind: str = "") -> Manifest:
    """The manifest of a published directory, without reading its files.

    Args:
        path: The directory.
        kind: The kind expected there; empty for any.

    Returns:
        The parsed manifest.

    Raises:
        InputError: `not_found` when there is no published directory, `wrong_kind` when it holds
            something else.
        IntegrityError: `corrupted` when the manifest doesn't parse or contradicts its digest.
    """
    path = Path(path)
    _recover(path)
    file = path / MANIFEST
    if not file.is_file():
        raise InputError("not_found", f"There is no finished {kind or 'result'} in {str(path)!r}.")
    if file.stat().st_size > MANIFEST_BYTES:
        raise IntegrityError("corrupted", f"The manifest {str(file)!r} is too large.")
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        manifest = Manifest(
            document["kind"],
            document["digest"],
            document["facts"],
            _measured(path / MEASURED),
            document["files"],
        )
        sound = document["schema"] == SCHEMA and manifest.digest == _digest(
            manifest.kind, manifest.facts, manifest.files
        )
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError("corrupted", f"The manifest {str(file)!r} can't be read.") from error
    if not sound:
        raise IntegrityError("corrupted", f"The manifest {str(file)!r} contradicts its digest.")
    if kind and manifest.kind != kind:
        raise InputError("wrong_kind", f"{str(path)!r} holds a {manifest.kind}, not a {kind}.")
    return manifest


def verify(path: Path, kind: str) -> Manifest:
    """Open a published directory after checking every file against its digest.

    Args:
        path: The directory.
        kind: The kind expected there.

    Returns:
        The manifest; every file it names has the bytes it promises.

    Raises:
        InputError: As `read_manifest`.
        IntegrityError: `corrupted`, naming the first file that is missing or altered.
    """
    manifest = read_manifest(path, kind)
    for name, expected in manifest.files.items():
        file = path / name
        if Path(name).is_absolute() or ".." in Path(name).parts or not file.is_file():
            raise IntegrityError("corrupted", f"{name!r} is missing from {str(path)!r}.")
        if file_digest(file) != expected:
            raise IntegrityError(
                "corrupted", f"{name!r} in {str(path)!r} is not the file that was published."
            )
    return manifest


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_json(path: Path, document: Any) -> None:
    """Write a JSON file that is the same bytes for the same document."""
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def replace_json(path: Path, document: Any) -> None:
    """Replace a JSON file atomically: readers see the old one or the new one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    write_json(partial, document)
    _sync(partial)
    partial.replace(path)


def link(source: str | Path, target: str | Path) -> None:
    """Have a published file in a second place: by a hard link, or a copy where there are none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def peak_rss_mb() -> float:
    """This process's peak resident set in megabytes (10^6 bytes).

    `/proc/self/status` is preferred: `getrusage` also counts the parent's memory at the time of
    the fork, which makes a small child of a large parent look large.
    """
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        line = next(line for line in lines if line.startswith("VmHWM:"))
        return round(int(line.split()[1]) * 1024 / 1e6, 1)
    import resource  # absent on Windows

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1)


def storage_error(error: OSError, path: Path) -> TamisError:
    """The sentence for a file system's refusal."""
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return TamisError("disk_full", f"There is no space left for {str(path)!r}.", "Free some.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return InputError("not_writable", f"{error.filename or str(path)!r} can't be written.")
    return TamisError("storage_failed", f"Writing {str(path)!r} failed: {error.strerror}.")


def _digest(kind: str, facts: Mapping[str, Any], files: Mapping[str, str]) -> str:
    text = json.dumps([kind, facts, files], sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _seal(draft: Draft, kind: str) -> None:
    files = {}
    for file in sorted(p for p in draft.path.rglob("*") if p.is_file()):
        files[file.relative_to(draft.path).as_posix()] = file_digest(file)
        _sync(file)
    facts = json.loads(json.dumps(draft.facts, ensure_ascii=False, allow_nan=False))
    document = {
        "schema": SCHEMA,
        "kind": kind,
        "digest": _digest(kind, facts, files),
        "facts": facts,
        "files": files,
    }
    write_json(draft.path / MEASURED, draft.measured)
    _sync(draft.path / MEASURED)
    write_json(draft.path / MANIFEST, document)
    _sync(draft.path / MANIFEST)
    _sync(draft.path)


def _measured(file: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _swap(staging: Path, out: Path) -> None:
    old = _old(out)
    if out.exists():
        out.rename(old)  # a kill between these two renames is healed by _recover
    staging.rename(out)
    shutil.rmtree(old, ignore_errors=True)
    _sync(out.parent)


def _recover(out: Path) -> None:
    old = _old(out)
    if old.exists():
        if out.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            with contextlib.suppress(FileNotFoundError):  # another reader healed it first
                old.rename(out)


def _old(out: Path) -> Path:
    return out.parent / f".{out.name}.old"


def _remove_abandoned(out: Path) -> None:
    for partial in out.parent.glob(f".{out.name}.*.partial"):
        pid = partial.name.split(".")[-2]
        if not (pid.isdigit() and Path(f"/proc/{pid}").exists()) or pid == str(os.getpid()):
            shutil.rmtree(partial, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
