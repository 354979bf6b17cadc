"""A source of one or several files of a format."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Protocol

from components.contract.errors import InputError
from components.ingest.settings import SourceSettings
from components.ingest.sources.formats import read_rows
from components.ingest.sources.share import WHOLE, Share
from components.ingest.sources.source import Row

_BLOCK_BYTES = 2**20


class Files(Protocol):
    """Files in some store.

    Attributes:
        names: Their names, in the order they are read.
        failures: What the store raises besides `OSError` when it fails.
    """

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def failures(self) -> tuple[type[Exception], ...]: ...

    def identity(self, name: str) -> str:
        """What changes when that file's content does."""
        ...

    def size(self, name: str) -> int | None:
        """That file's bytes; None when the store doesn't say."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading bytes; seekable if its format needs that."""
        ...


@dataclass(frozen=True)
class FileSource:
    """Rows of files.

    Attributes:
        files: The files.
        settings: Which columns are read.
    """

    files: Files
    settings: SourceSettings

    def fingerprint(self) -> str:
        """The file's identity; a digest of all in order when there are several."""
        identities = [self.identity(name) for name in self.files.names]
        if len(identities) == 1:
            return identities[0]
        return hashlib.sha256(json.dumps(identities).encode()).hexdigest()

    def rows(self) -> Iterator[Row]:
        """The files' rows, one file open at a time; as `read`."""
        for name in self.files.names:
            yield from self.read(name)

    def read(self, name: str, share: Share = WHOLE) -> Iterator[Row]:
        """One file's rows.

        Args:
            name: The file.
            share: Which of them; the others come as `SkippedRows`.

        Yields:
            Rows with the settings' columns.

        Raises:
            InputError: `not_found`, `unreadable_source`, or what the format's reader raises.
        """
        with self._failing(name, EOFError), self.files.open(name) as stream:
            named = not self.settings.label_names  # which may rename what stands in the file
            yield from read_rows(stream, name, self.settings.columns, share, named)

    def identity(self, name: str) -> str:
        """What changes when that file's content does; raises as `read`."""
        with self._failing(name):
            return self.files.identity(name)

    def size(self, name: str) -> int | None:
        """That file's bytes, None when the store doesn't say; raises as `read`."""
        with self._failing(name):
            return self.files.size(name)

    @contextlib.contextmanager
    def _failing(self, name: str, *more: type[Exception]) -> Iterator[None]:
        caught: tuple[type[Exception], ...] = (OSError, *more, *self.files.failures)
        try:
            yield
        except caught as error:
            raise unreadable(name, error) from error


def unreadable(name: str, error: Exception) -> InputError:
    """The sentence for a store's failure."""
    if isinstance(error, FileNotFoundError):
        return InputError("not_found", f"There is no {name!r}.")
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return InputError(
        "unreadable_source", f"{name!r} can't be read to its end: {reason.splitlines()[0]}"
    )


def content_digest(stream: IO[bytes]) -> str:
    """SHA-256 (hex) of a stream's bytes, for stores that keep no checksum."""
    digest = hashlib.sha256()
    while block := stream.read(_BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()
