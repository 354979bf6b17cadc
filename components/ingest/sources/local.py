"""Files on this machine: paths, folders, globs, and data inside installed packages."""

from __future__ import annotations

import glob
import importlib.util
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from components.contract.artifact import file_digest
from components.contract.errors import InputError
from components.contract.settings import neighbours
from components.ingest.sources.files import unreadable
from components.ingest.sources.formats import choose

_LISTED = 1_000
"""Neighbours of a missing file are looked for among at most so many names."""


@dataclass(frozen=True)
class LocalFiles:
    """Local files; see `Files`."""

    names: tuple[str, ...]
    failures: tuple[type[Exception], ...] = ()

    def identity(self, name: str) -> str:
        return file_digest(Path(name))

    def size(self, name: str) -> int | None:
        return Path(name).stat().st_size

    def open(self, name: str) -> IO[bytes]:
        return Path(name).open("rb", buffering=0)


def find_local(uri: str) -> LocalFiles:
    """The files of a path, a `file://` address, a folder or a glob.

    Args:
        uri: The address; relative paths start at the working directory.

    Returns:
        The files.

    Raises:
        InputError: `not_found`, naming what is there; `unreadable_source`, e.g. for a folder that
            is another user's; `mixed_formats`; `unknown_format`.
    """
    if uri.lower().startswith("file://"):
        uri = urllib.request.url2pathname(urllib.parse.urlsplit(uri).path)
    try:
        return _find(uri, Path(uri).expanduser())
    except OSError as error:
        raise unreadable(uri, error) from error


def _find(uri: str, path: Path) -> LocalFiles:
    if path.is_file():
        return LocalFiles((str(path),))
    if path.is_dir():
        return LocalFiles(choose((str(p) for p in path.rglob("*") if p.is_file()), uri))
    if glob.has_magic(uri):
        found = glob.glob(str(path), recursive=True)  # noqa: PTH207 - takes absolute patterns too
        return LocalFiles(choose((name for name in found if Path(name).is_file()), uri))
    siblings = [p.name for p, _ in zip(path.parent.glob("*"), range(_LISTED), strict=False)]
    hint = neighbours(path.name, siblings) if siblings else ""
    raise InputError("not_found", f"There is no file {uri!r}.", hint)


def find_packaged(uri: str) -> LocalFiles:
    """The files of `package://<package>/<path>`, without importing the package.

    Args:
        uri: The address; the package is a top-level one.

    Returns:
        The files.

    Raises:
        InputError: `unknown_package`, or as `find_local`.
    """
    package, _, inside = uri.removeprefix("package://").partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise InputError(
            "unknown_package",
            f"{uri!r} names no installed package.",
            "Install it, or write package://<top-level package>/<path inside>.",
        )
    for folder in folders[:-1]:  # a namespace package has several
        if (Path(folder) / inside).exists():
            return find_local(str(Path(folder) / inside))
    return find_local(str(Path(folders[-1]) / inside))
