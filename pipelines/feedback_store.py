"""Strategy: where labelled rows are kept as data versions, chosen by address."""

from __future__ import annotations

import os
import re
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from components.contract.artifact import storage_error
from components.contract.errors import InputError, TamisError

PRIVATE = 0o600
NAME_DIGITS = 16
"""Of a digest's 64: enough to tell versions apart, short enough to read."""
TRACKED = "feedback.jsonl"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


class FeedbackStore(Protocol):
    """Keeps files as versions."""

    def keep(self, file: Path, digest: str) -> str:
        """Keep a file's bytes; those that are kept already are found again.

        Args:
            file: The file; JSON Lines.
            digest: SHA-256 (hex) of its bytes.

        Returns:
            An address that the ingest stage reads.

        Raises:
            TamisError: The store's refusal.
        """
        ...


@dataclass(frozen=True)
class Folder:
    """A folder on this machine; texts in it are readable by their owner alone."""

    path: Path

    def keep(self, file: Path, digest: str) -> str:
        kept = (self.path / _name(digest)).absolute()
        partial = kept.with_name(f".{kept.name}.{os.getpid()}.partial")
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not kept.exists():
                with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT, PRIVATE), "wb") as out:
                    with file.open("rb") as stream:
                        shutil.copyfileobj(stream, out)
                    out.flush()
                    os.fsync(out.fileno())
                partial.replace(kept)
        except OSError as error:
            raise storage_error(error, kept) from error
        return str(kept)


@dataclass(frozen=True)
class ObjectStore:
    """A bucket; an object appears whole or not at all (https://filesystem-spec.readthedocs.io)."""

    uri: str

    def keep(self, file: Path, digest: str) -> str:
        import fsspec

        address = f"{self.uri.rstrip('/')}/{_name(digest)}"
        try:
            # Not a kept instance: its credentials may have been replaced since.
            filesystem, path = fsspec.core.url_to_fs(address, skip_instance_cache=True)
            if not filesystem.exists(path):
                filesystem.put_file(str(file), path)
        except Exception as error:  # each store's library has exceptions of its own
            raise TamisError(
                "store_failed",
                f"Feedback can't be kept at {self.uri!r} ({type(error).__name__}).",
                "Check retrain.store, the credentials, and the network.",
            ) from error
        return address


@dataclass(frozen=True)
class DvcRepository:
    """A DVC repository in Git; each version is a commit, pushed to DVC's remote if it has one."""

    path: Path

    def keep(self, file: Path, digest: str) -> str:
        from dvc.exceptions import DvcException
        from dvc.repo import Repo
        from scmrepo.exceptions import SCMError

        tracked = self.path / TRACKED
        try:
            with warnings.catch_warnings(), Repo(str(self.path)) as repository:
                # DVC's own use of a library that has deprecated something.
                warnings.filterwarnings("ignore", "_NoneStep", DeprecationWarning)
                shutil.copyfile(file, tracked)
                repository.add(str(tracked))
                root = self.path.absolute()
                changed = [str(root / name) for name in (f"{TRACKED}.dvc", ".gitignore")]
                revision = self._commit(repository.scm, changed, digest)
                if repository.config["core"].get("remote"):
                    repository.push()
        except OSError as error:
            raise storage_error(error, tracked) from error
        except (DvcException, SCMError) as error:
            raise TamisError(
                "store_failed", f"DVC can't keep feedback in {str(self.path)!r}: {error}."
            ) from error
        return f"dvc://{self.path.absolute()}@{revision}#{TRACKED}"

    @staticmethod
    def _commit(scm: Any, files: list[str], digest: str) -> str:
        """Commit what differs; the present commit when nothing does."""
        scm.add(files)
        staged, _, _ = scm.status()
        if any(staged.values()):
            scm.commit(f"Feedback {digest[:NAME_DIGITS]}")
        return str(scm.get_rev())


def open_store(uri: str) -> FeedbackStore:
    """The store that an address names.

    Args:
        uri: A folder, `dvc://<folder>`, or an address that fsspec knows.

    Returns:
        The store; nothing has been touched.

    Raises:
        InputError: `bad_parameter` for an address that ingest couldn't read.
    """
    match = _SCHEME.match(uri)
    scheme, rest = (match[1].lower(), uri[match.end() :]) if match else ("", uri)
    if scheme == "dvc":
        return DvcRepository(Path(rest))
    if scheme in ("s3", "gs"):
        return ObjectStore(uri)
    if scheme:
        raise InputError(
            "bad_parameter", f"retrain.store can't be {uri!r}.", "Known: a folder, s3, gs, dvc."
        )
    return Folder(Path(uri).expanduser())


def _name(digest: str) -> str:
    return f"feedback-{digest[:NAME_DIGITS]}.jsonl"
