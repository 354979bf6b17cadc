"""A disk in a file, for a daemon's images: hundreds of thousands of files that go in one step.

Deleting them one by one takes longer than building them where each deletion is passed on to the
device at once.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = "40G"
"""Of a sparse file: what is used of it, a dozen gigabytes, is what it takes."""


@contextmanager
def disk(scratch: Path) -> Iterator[Path]:
    """A folder on a file system of its own; a plain one where none can be mounted.

    Args:
        scratch: Where the file lies.

    Yields:
        The folder.
    """
    folder, file = scratch / "disk", scratch / "disk.img"
    folder.mkdir()
    mounted = all(
        subprocess.run(command, capture_output=True, check=False).returncode == 0
        for command in (
            ["truncate", f"--size={SIZE}", str(file)],
            ["mkfs.ext4", "-q", "-O", "^has_journal", "-E", "nodiscard", str(file)],
            ["mount", "-o", "loop,noatime", str(file), str(folder)],
        )
    )
    try:
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)
