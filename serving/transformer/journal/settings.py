"""Where the journal is, and how much may wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from components.contract.settings import require


@dataclass(frozen=True)
class JournalSettings:
    """The journal's settings.

    Attributes:
        url: A SQLite file's path, or `sqlite:///<path>`, or `postgresql://<user>@<host>/<name>`.
        keys: The key file, or the folder that a Kubernetes secret is mounted at.
        waiting_rows: Rows that may wait to be written; beyond it callers are refused at once.
        synchronous: SQLite's `normal` survives the process's death, `full` also the machine's, at
            a sync a transaction (https://www.sqlite.org/pragma.html#pragma_synchronous).
            PostgreSQL has its own `synchronous_commit`.
    """

    url: str = ".tamis/journal.db"
    keys: str = ".tamis/journal.keys"
    waiting_rows: int = 8_192
    synchronous: Literal["normal", "full"] = "normal"

    def check(self) -> None:
        """Refuse values that can't work."""
        require(bool(self.url.strip()), "journal.url", "must not be empty")
        require(bool(self.keys.strip()), "journal.keys", "must not be empty")
        require(
            self.waiting_rows >= 1,
            "journal.waiting_rows",
            f"must be at least 1, not {self.waiting_rows}",
        )
