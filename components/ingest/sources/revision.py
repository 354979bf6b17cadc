"""Files of a DVC repository at a revision (https://dvc.org/doc/api-reference/dvcfilesystem)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, Any, cast

from components.contract.errors import InputError
from components.ingest.sources.files import content_digest, unreadable
from components.ingest.sources.formats import choose


@dataclass(frozen=True)
class RevisionFiles:
    """Files of a `DVCFileSystem`; see `Files`."""

    filesystem: Any
    names: tuple[str, ...]
    failures: tuple[type[Exception], ...]

    def identity(self, name: str) -> str:
        recorded = self.filesystem.info(name).get("dvc_info") or {}
        if recorded.get("md5"):
            return f"md5:{recorded['md5']}"
        with self.open(name) as stream:  # tracked by Git alone
            return content_digest(stream)

    def size(self, name: str) -> int | None:
        return cast("int | None", self.filesystem.info(name).get("size"))

    def open(self, name: str) -> IO[bytes]:
        return cast(IO[bytes], self.filesystem.open(name, "rb"))


def find_revision(uri: str) -> RevisionFiles:
    """The files of `dvc://<path or address of a repository>@<revision>#<path inside>`.

    Args:
        uri: The address; the path inside is a file, a folder or a glob.

    Returns:
        The files.

    Raises:
        InputError: `bad_uri`, `not_found`, `unreadable_source`, `mixed_formats`.
    """
    address, _, path = uri.removeprefix("dvc://").partition("#")
    repository, _, revision = address.rpartition("@")
    if not (repository and revision and path):
        raise InputError(
            "bad_uri",
            f"{uri!r} is not a DVC address.",
            "Write dvc://<repository>@<revision>#<path inside>.",
        )
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from scmrepo.exceptions import SCMError

    failures: tuple[type[Exception], ...] = (OSError, DvcException, SCMError, *_store_failures())
    try:
        filesystem = DVCFileSystem(url=repository, rev=revision)
        if any(sign in path for sign in "*?["):
            names = choose(filesystem.glob(path), uri)
        elif filesystem.isdir(path):
            names = choose(filesystem.find(path), uri)
        elif filesystem.exists(path):
            names = (path,)
        else:
            raise FileNotFoundError
    except failures as error:
        raise unreadable(uri, error) from error
    return RevisionFiles(filesystem, names, failures)


def _store_failures() -> tuple[type[Exception], ...]:
    """What the libraries of DVC's remotes raise that is no `OSError`, of those installed."""
    try:
        from botocore.exceptions import (  # type: ignore[import-untyped]
            BotoCoreError,
            ClientError,
        )
    except ImportError:
        return ()
    return BotoCoreError, ClientError
