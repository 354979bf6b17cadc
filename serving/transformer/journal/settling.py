"""Making deleted bytes leave the files, and files shrink."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import text

from components.contract.errors import TamisError
from serving.transformer.journal.database import Database, answering
from serving.transformer.journal.schema import FEEDBACK, PREDICTIONS

CHECKPOINT_S = 30.0
"""How long to wait for other processes' short reads to end."""


def settle(database: Database) -> None:
    """Make deleted bytes leave the files.

    SQLite overwrote them in its pages (`secure_delete`); here the write-ahead log, which holds
    older pages, is emptied. An index page that was split earlier may keep a copy of a pseudonym,
    which says nothing without the key; `compact` removes that too. PostgreSQL's dead rows are
    vacuumed; their bytes leave its files when pages are used again, and its log when segments are
    recycled: VACUUM FULL and the archive's retention are the administrator's.

    Args:
        database: The journal.

    Raises:
        TamisError: `not_settled` when another process reads for longer than `CHECKPOINT_S`.
    """
    with answering():
        if database.engine.dialect.name == "postgresql":
            with database.engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.execute(text(f"VACUUM {PREDICTIONS.name}, {FEEDBACK.name}"))
            return
        deadline = time.monotonic() + CHECKPOINT_S
        sqlite: Any = database.engine.raw_connection()  # no transaction: it would wait for itself
        try:
            while sqlite.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() > deadline:
                    raise TamisError(
                        "not_settled",
                        "Erased rows are still in the journal's write-ahead log, which another "
                        "process is reading.",
                        "Run the command again.",
                    )
                time.sleep(0.05)
        finally:
            sqlite.close()


def compact(database: Database) -> None:
    """Rewrite the whole journal without its unused parts; servers wait until it is done.

    Args:
        database: The journal; SQLite needs as much free space again as it takes.

    Raises:
        TamisError: `not_settled` as `settle`.
    """
    postgresql = database.engine.dialect.name == "postgresql"
    with answering(), database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        if postgresql:
            driver.autocommit = True
            driver.execute(f"VACUUM FULL {PREDICTIONS.name}, {FEEDBACK.name}")
            driver.autocommit = False
        else:
            driver.execute("VACUUM")
    settle(database)
