"""The token that Alertmanager shows (RFC 6750), compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from components.contract.artifact import storage_error
from components.contract.errors import InputError, IntegrityError

LEAST_CHARACTERS = 16
"""A shorter one could be guessed."""
MOST_CHARACTERS = 4_096
_SCHEME = "bearer"


class BearerToken:
    """The one token that is let in.

    Args:
        token: Its text.

    Raises:
        InputError: `weak_token`.
    """

    def __init__(self, token: str) -> None:
        if not LEAST_CHARACTERS <= len(token) <= MOST_CHARACTERS or not token.isascii():
            raise InputError(
                "weak_token",
                f"The trigger's token must be {LEAST_CHARACTERS} ASCII characters or more.",
            )
        self._digest = hashlib.sha256(token.encode()).digest()

    def admits(self, authorization: str | None) -> bool:
        """Whether an `Authorization` header carries the token.

        What is compared are digests, so that not even the length takes a different time.

        Args:
            authorization: The header's value; None when there is none.

        Returns:
            Whether it does.
        """
        scheme, _, given = (authorization or "").partition(" ")
        digest = hashlib.sha256(given.strip()[: MOST_CHARACTERS + 1].encode()).digest()
        same = hmac.compare_digest(digest, self._digest)
        return same and scheme.lower() == _SCHEME


def read_token(file: Path) -> str:
    """A token from a file that a secret is mounted at or that `made_token` wrote.

    Args:
        file: The file.

    Returns:
        The token.

    Raises:
        InputError: `not_found`.
    """
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("not_found", f"The token file {str(file)!r} can't be read.") from error


def made_token(file: Path) -> str:
    """The token in a file of this machine's own, made when there is none.

    Args:
        file: The file, readable by its owner alone.

    Returns:
        The token.

    Raises:
        IntegrityError: `exposed_secret` when others can read the file.
        TamisError: The file system's refusal.
    """
    partial = file.with_name(f".{file.name}.{secrets.token_hex(8)}.partial")  # threads share a pid
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(partial, flags, 0o600), "w", encoding="ascii") as stream:
                stream.write(secrets.token_urlsafe(32) + "\n")
            try:
                os.link(partial, file)  # unlike a rename it never replaces another process's
            except FileExistsError:
                pass
            finally:
                partial.unlink()
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise IntegrityError(
                "exposed_secret",
                f"{str(file)!r} is open to others.",
                "Delete it, and a new one will be made.",
            )
    except OSError as error:
        raise storage_error(error, file) from error
    return read_token(file)
