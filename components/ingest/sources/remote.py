"""Files behind an address, through fsspec: web servers, object stores, the Hugging Face hub."""

from __future__ import annotations

import glob
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any, cast

from components.contract.errors import InputError
from components.ingest.sources.files import content_digest, unreadable
from components.ingest.sources.formats import RANDOM_ACCESS, choose, format_of

CHECKSUMS = ("sha256", "ETag", "etag", "md5Hash", "md5", "blob_id", "Content-MD5", "Digest")
"""Where stores keep what changes with the content; a date isn't such a thing."""

_COPY_BYTES = 2**20
_BLOCK_BYTES = 8 * 2**20
"""What is fetched at once; the libraries' own sizes go up to 50 MiB, kept twice."""


@dataclass(frozen=True)
class RemoteFiles:
    """Files of an fsspec file system; see `Files`."""

    filesystem: Any
    names: tuple[str, ...]
    failures: tuple[type[Exception], ...]

    def identity(self, name: str) -> str:
        self.filesystem.invalidate_cache()
        info: Mapping[str, Any] = self.filesystem.info(name)
        info = {**info, **(info.get("lfs") or {})}
        for key in CHECKSUMS:
            if info.get(key):
                return f"{key}:{info[key]}"
        with self.open(name) as stream:
            return content_digest(stream)

    def size(self, name: str) -> int | None:
        return cast("int | None", self.filesystem.info(name).get("size"))

    def open(self, name: str) -> IO[bytes]:
        if "https" not in self.filesystem.protocol:
            stream = self.filesystem.open(name, "rb", block_size=_BLOCK_BYTES)
            return cast(IO[bytes], stream)
        # Block size 0 is one request for the whole; few web servers serve parts of a file.
        stream = cast(IO[bytes], self.filesystem.open(name, "rb", block_size=0))
        return _seekable(stream) if format_of(name)[0] in RANDOM_ACCESS else stream


def find_remote(uri: str) -> RemoteFiles:
    """The files of an address that fsspec knows.

    Args:
        uri: A file, a folder or a glob; for `http(s)://` a file.

    Returns:
        The files.

    Raises:
        InputError: `missing_package`, `not_found`, `unreadable_source`, `mixed_formats`.
    """
    filesystem, path = open_filesystem(uri)
    failures: tuple[type[Exception], ...] = (OSError, *_failures(filesystem))
    if "https" in filesystem.protocol:
        return RemoteFiles(filesystem, (path,), failures)
    try:
        if glob.has_magic(path):
            names = choose(filesystem.glob(path), uri)
        elif filesystem.info(path)["type"] == "directory":
            names = choose(filesystem.find(path), uri)
        else:
            names = (path,)
    except failures as error:
        raise unreadable(uri, error) from error
    return RemoteFiles(filesystem, names, failures)


def open_filesystem(uri: str) -> tuple[Any, str]:
    """The fsspec file system of an address, its own instance, and the path in it.

    Args:
        uri: The address.

    Returns:
        The file system and the path.

    Raises:
        InputError: `missing_package`.
    """
    import fsspec

    try:
        filesystem, path = fsspec.core.url_to_fs(
            uri, skip_instance_cache=True, use_listings_cache=False
        )
    except ImportError as error:
        raise InputError(
            "missing_package", f"{uri!r} can't be opened: {error}.", "Install tamis[cloud]."
        ) from error
    return filesystem, str(path)


def _failures(filesystem: Any) -> tuple[type[Exception], ...]:
    """What a file system's library raises that is no `OSError`."""
    protocols = filesystem.protocol
    if "s3" in protocols:
        from botocore.exceptions import (  # type: ignore[import-untyped]
            BotoCoreError,
            ClientError,
        )

        return BotoCoreError, ClientError
    if "gs" in protocols:
        from aiohttp import ClientError as WebError
        from gcsfs.retry import HttpError
        from google.auth.exceptions import GoogleAuthError

        return HttpError, GoogleAuthError, WebError
    if "https" in protocols:
        from aiohttp import ClientError as WebError

        return (WebError,)
    return (ValueError,)  # the hub's client refuses names that way


def _seekable(stream: IO[bytes]) -> IO[bytes]:
    """A copy in an anonymous temporary file, which the system removes when it is closed."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    with stream:
        while block := stream.read(_COPY_BYTES):
            copy.write(block)
    copy.seek(0)
    return cast(IO[bytes], copy)
