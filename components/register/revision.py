"""Which source code a model was made by."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

UNKNOWN = "unknown"


def git_revision(folder: Path = Path(__file__).parent) -> str:
    """The commit of a folder's repository.

    Args:
        folder: Where to look; this source tree by default.

    Returns:
        `TAMIS_GIT_REVISION` when it is set (an image has no repository), else the commit's hash,
        with `-dirty` behind it when tracked files differ from it, else `unknown`.
    """
    if told := os.environ.get("TAMIS_GIT_REVISION"):
        return told
    head = _git(folder, "rev-parse", "HEAD")
    if not head:
        return UNKNOWN
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"{head}-dirty" if changed else head


def tamis_version() -> str:
    """The installed version of Tamis; `unknown` when it runs uninstalled."""
    try:
        return version("tamis")
    except PackageNotFoundError:
        return UNKNOWN


def _git(folder: Path, *arguments: str) -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    done = subprocess.run(  # noqa: S603 - a fixed program with fixed arguments
        [git, "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.stdout.strip() if done.returncode == 0 else ""
