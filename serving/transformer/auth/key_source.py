"""Where an issuer's public keys come from (Strategy): its address, a file, or this very process."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from components.contract import logs
from components.contract.errors import InputError, TamisError
from serving.transformer.auth.keys import PublicKeys, parse_key_set

FILE_LOOK_S = 1.0
"""A file's date is looked at this often; a rotated secret is seen within a second."""
MAX_FILE_BYTES = 2**20
"""64 keys take a tenth of it."""


class KeySource(Protocol):
    """Keeps an issuer's keys at hand; a refresh that fails leaves the old ones."""

    def current(self) -> PublicKeys | None:
        """The keys now, without waiting; None when they were never seen."""

    async def refetch(self) -> PublicKeys | None:
        """The keys after looking again, because a token names one that isn't among them.

        Tokens with made-up key ids can't make this look more often than its rate limit.
        """

    async def start(self) -> None:
        """Look for the first time, and from now on in the background."""

    async def close(self) -> None:
        """Stop looking."""


class FileKeys:
    """Keys from a file that is read again when it changes, as a mounted secret does.

    Args:
        path: The file.
        parse: From its bytes to keys; a JWK Set unless said otherwise.
        clock: Monotonic seconds.

    Raises:
        TamisError: When the file can't be used now; later troubles leave the keys as they are.
    """

    def __init__(
        self,
        path: Path,
        parse: Callable[[bytes, str], PublicKeys] = parse_key_set,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._parse, self._clock = path, parse, clock
        self._looked = clock()
        self._stamp = self._look()
        self._keys = self._read()

    def current(self) -> PublicKeys:
        """The file's keys; its date is looked at once a second."""
        if self._clock() - self._looked >= FILE_LOOK_S:
            self._refresh()
        return self._keys

    async def refetch(self) -> PublicKeys:
        """The file's keys, looking at its date now."""
        self._refresh()
        return self._keys

    async def start(self) -> None:
        """There is nothing to start."""

    async def close(self) -> None:
        """There is nothing to stop."""

    def _refresh(self) -> None:
        self._looked = self._clock()
        stamp = self._look()
        if stamp is None or stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            keys = self._read()
        except TamisError as error:
            logs.event("keys_kept", source=str(self._path), code=error.code, message=error.message)
            return
        if keys.digest != self._keys.digest:
            self._keys = keys

    def _look(self) -> tuple[int, int, int] | None:
        with contextlib.suppress(OSError):
            status = self._path.stat()
            return status.st_ino, status.st_mtime_ns, status.st_size
        return None

    def _read(self) -> PublicKeys:
        try:
            with self._path.open("rb") as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            message = f"The key set {str(self._path)!r} can't be read: {error.strerror}."
            raise InputError("not_found", message) from error
        if len(data) > MAX_FILE_BYTES:
            raise InputError("bad_key_set", f"The key set {str(self._path)!r} is too large.")
        return self._parse(data, repr(str(self._path)))
