"""Master keys: a file on a laptop, a mounted secret in a cluster; the active one encrypts.

A key file has one key a line, `<id> <base64 of 32 bytes>`; the first is the active one. A mounted
secret is a folder with one file a key, named by its id, and a file `active` that names one of
them (not needed beside a single key).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from components.contract.errors import InputError

KEY_BYTES = 32
"""AES-256."""
KEY_FILE_BYTES = 64 * 1024
"""A thousand keys; more is another file given by mistake."""
ACTIVE = "active"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class KeyRing:
    """Every key that may open a record, and the one that seals new ones.

    Attributes:
        active: The id of the key that encrypts.
        keys: Id -> 32 secret bytes.
        origin: Where they were read, for messages.
    """

    active: str
    keys: Mapping[str, bytes] = field(repr=False)
    origin: str


def load_keys(path: Path) -> KeyRing:
    """Read a key file or a mounted secret.

    Args:
        path: The file or the folder.

    Returns:
        The ring.

    Raises:
        InputError: `no_keys`, `bad_keys`, or `exposed_keys` when others than the owner may read
            them and they are not a Kubernetes mount.
    """
    if path.is_dir():
        return _load_folder(path)
    lines = [line.split() for line in _read(path, check=True).splitlines()]
    entries = [words for words in lines if words and not words[0].startswith("#")]
    keys: dict[str, bytes] = {}
    for words in entries:
        if len(words) != 2 or words[0] in keys:
            raise InputError(
                "bad_keys",
                f"{str(path)!r} must have lines of an id and a key, each id once.",
            )
        keys[words[0]] = _decode(words[0], words[1], path)
    if not keys:
        raise InputError("no_keys", f"{str(path)!r} holds no key.")
    return KeyRing(next(iter(keys)), keys, str(path))


def create_keys(path: Path) -> bool:
    """Make a key file with one random key unless there is one; for a laptop, not a cluster.

    Args:
        path: The file; it appears whole, readable by its owner alone.

    Returns:
        Whether this call made it: of two at once, one does.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _draft(path, _fresh_line()) as draft:
        try:
            os.link(draft, path)  # unlike a rename, never replaces another's key
        except FileExistsError:
            return False
    return True


def add_key(path: Path) -> str:
    """Put a new random key first in a key file.

    Args:
        path: The file.

    Returns:
        The new key's id.

    Raises:
        InputError: As `load_keys`; `mounted_keys` for a folder, whose keys others manage.
    """
    if path.is_dir():
        raise InputError(
            "mounted_keys",
            f"{str(path)!r} is a mounted secret.",
            "Add a key to the secret and name it in its entry 'active'.",
        )
    load_keys(path)
    line = _fresh_line()
    with _draft(path, line + _read(path, check=True)) as draft:
        draft.replace(path)
    return line.split()[0]


def _load_folder(path: Path) -> KeyRing:
    mounted = (path / "..data").is_symlink()  # how the kubelet swaps a secret's files at once
    texts = {
        entry.name: _read(entry, check=not mounted)
        for entry in sorted(path.iterdir())
        if not entry.name.startswith(".") and entry.is_file()
    }
    active = texts.pop(ACTIVE, "").strip()
    keys = {name: _decode(name, text.strip(), path) for name, text in texts.items()}
    if not keys:
        raise InputError("no_keys", f"{str(path)!r} holds no key.")
    if not active and len(keys) == 1:
        active = next(iter(keys))
    if active not in keys:
        raise InputError(
            "bad_keys", f"The file {ACTIVE!r} in {str(path)!r} must name one of: {', '.join(keys)}."
        )
    return KeyRing(active, keys, str(path))


def _read(path: Path, check: bool) -> str:
    try:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if check and stat.S_IMODE(status.st_mode) & 0o077:
                raise InputError(
                    "exposed_keys",
                    f"Others than its owner may read the key file {str(path)!r}.",
                    f"Say: chmod 600 {path}",
                )
            content = stream.read(KEY_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(
            "no_keys",
            f"The key file {str(path)!r} can't be read: {error.strerror}.",
            "`tamis serve` makes one on a laptop; a cluster mounts a secret.",
        ) from error
    if len(content) > KEY_FILE_BYTES or not content.isascii():
        raise InputError("bad_keys", f"{str(path)!r} is not a key file.")
    return content.decode()


def _decode(name: str, text: str, path: Path) -> bytes:
    if not _ID.fullmatch(name):
        raise InputError("bad_keys", f"{str(path)!r} has a key with the unusable id {name[:64]!r}.")
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise InputError(  # the text itself may be a secret: not in the message
            "bad_keys", f"The key {name!r} in {str(path)!r} is not {KEY_BYTES} bytes in base64."
        )
    return key


def _fresh_line() -> str:
    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    return f"k{secrets.token_hex(4)} {key}\n"


@contextlib.contextmanager
def _draft(path: Path, text: str) -> Iterator[Path]:
    """A synced file beside `path`, readable by its owner alone from its first moment."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        yield draft
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        draft.unlink(missing_ok=True)
