"""Files that only their owner may read, changed whole or not at all, by one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from components.contract.artifact import storage_error
from components.contract.errors import InputError, IntegrityError, TamisError

PRIVATE = 0o600
PUBLIC = 0o644
LOCK_WAIT_S = 30.0
"""Making a key takes a second on a busy laptop; whoever holds the lock for longer hangs."""
LOCK_POLL_S = 0.02
MAX_FILE_BYTES = 4 * 2**20
"""Keys and clients take kilobytes."""


class PrivateDirectory:
    """A directory of small secret files, shared by processes of one user.

    Args:
        path: Where; made when first written to, for its owner alone.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory's lock; a killed holder lets go of it.

        Yields:
            Nothing.

        Raises:
            TamisError: `locked` when another process holds it for too long, or the file system's
                refusal.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self.path / ".lock", flags, PRIVATE)
        except OSError as error:
            raise storage_error(error, self.path) from error
        try:
            self._wait(descriptor)
            yield
        finally:
            os.close(descriptor)

    def read(self, name: str) -> bytes | None:
        """A file's bytes.

        Args:
            name: The file's name.

        Returns:
            Its content; None when there is no such file.

        Raises:
            IntegrityError: `exposed_secret` when others could read or write it too, `corrupted`
                when it is too large.
            InputError: `not_readable`.
        """
        path = self.path / name
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            message = f"{str(path)!r} can't be read: {error.strerror}."
            raise InputError("not_readable", message) from error
        with os.fdopen(descriptor, "rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            if mode & 0o077:
                message = f"{str(path)!r} is open to others (mode {mode:o})."
                hint = "Its secrets may be known: delete it, or chmod 600 it if they can't be."
                raise IntegrityError("exposed_secret", message, hint)
            data = stream.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise IntegrityError("corrupted", f"{str(path)!r} is too large.")
        return data

    def replace(self, name: str, data: bytes, mode: int = PRIVATE) -> None:
        """Replace a file atomically; hold the lock.

        Args:
            name: The file's name.
            data: Its new content.
            mode: Its permissions, in force from its first byte on.

        Raises:
            TamisError: The file system's refusal.
        """
        partial = self.path / f".{name}.partial"
        try:
            partial.unlink(missing_ok=True)  # of a process that was killed
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(partial, flags, mode), "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(self.path / name)
            directory = os.open(self.path, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise storage_error(error, self.path / name) from error

    def _wait(self, descriptor: int) -> None:
        deadline = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    message = f"{str(self.path)!r} has been locked for {LOCK_WAIT_S:.0f} seconds."
                    raise TamisError("locked", message, "Does another process hang?") from None
                time.sleep(LOCK_POLL_S)
