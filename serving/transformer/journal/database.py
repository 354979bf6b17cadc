"""Opening a journal: its tables, its version, and whether the key ring is the one it knows."""

from __future__ import annotations

import contextlib
import hmac
import secrets
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine, insert, inspect, select, text, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from components.contract.errors import InputError, IntegrityError
from serving.transformer.journal.engine import insert_unless_there, make_engine
from serving.transformer.journal.errors import UnavailableError
from serving.transformer.journal.keyring import load_keys
from serving.transformer.journal.schema import IN_USE, JOURNAL, KEYS, METADATA, RETIRED, SCHEMA
from serving.transformer.journal.settings import JournalSettings
from serving.transformer.journal.vault import SEALS_PER_KEY, Vault

SEALS_AT_ONCE = 65_536
"""Encryptions allotted to a process in one step, so that few transactions touch the count; what a
killed process leaves unused is a 65,536th of a key's life."""
_CREATION_LOCK = 0x7461_6D69_73
"""PostgreSQL advisory lock: two processes may find the journal missing at once."""

_STATE = {  # asked in every transaction, where building the expression would cost the most
    "sqlite": "SELECT state FROM keys WHERE id = ?",
    "postgresql": "SELECT state FROM keys WHERE id = %s FOR SHARE",
}


class Database:
    """A journal's tables with the keys to them.

    Args:
        engine: Where the tables are.
        journal: The journal's id.
        vault: The keys.
        settings: Where it was opened from.
    """

    def __init__(
        self, engine: Engine, journal: bytes, vault: Vault, settings: JournalSettings
    ) -> None:
        self.engine, self.vault = engine, vault
        self._journal, self._settings = journal, settings
        self._allotted = 0

    @classmethod
    def open(cls, settings: JournalSettings, create: bool = False) -> Database:
        """Open a journal and check that its key ring opens all it holds.

        Args:
            settings: Where journal and keys are.
            create: Whether a missing journal is made.

        Returns:
            The journal's database.

        Raises:
            InputError: `newer_schema`, `not_a_journal`, `wrong_key`, `missing_key`; as
                `load_keys` and `make_engine`.
            UnavailableError: `journal_unavailable` when the database doesn't answer.
            IntegrityError: `journal_corrupted` when it isn't a database.
        """
        ring = load_keys(Path(settings.keys))
        engine = make_engine(settings, create)
        with contextlib.ExitStack() as stack:
            stack.callback(engine.dispose)
            with answering(), engine.begin() as connection:
                journal = _journal_id(connection, create)
            database = cls(engine, journal, Vault(ring, journal), settings)
            database.check_keys()
            stack.pop_all()
        return database

    def reload_keys(self) -> None:
        """Read the key ring again, after another process retired the active key."""
        self.vault = Vault(load_keys(Path(self._settings.keys)), self._journal)
        self._allotted = 0
        self.check_keys()

    def check_keys(self) -> None:
        """Compare the ring with the keys that the journal knows; register a new active one."""
        vault = self.vault
        with answering(), self.engine.begin() as connection:
            known = {row.id: row for row in connection.execute(select(KEYS))}
            for key in sorted(vault.key_ids & known.keys()):
                if not hmac.compare_digest(known[key].check_value, vault.check_value(key)):
                    raise InputError(
                        "wrong_key",
                        f"The key {key!r} in {vault.origin!r} is not the one that the journal "
                        "was written with.",
                    )
            for key, row in sorted(known.items()):
                if row.state != RETIRED and key not in vault.key_ids:
                    raise InputError(
                        "missing_key",
                        f"The journal holds records of the key {key!r}, which {vault.origin!r} "
                        "lacks.",
                    )
            if vault.active not in known:
                value = vault.check_value(vault.active)
                connection.execute(
                    insert_unless_there(connection, KEYS).values(
                        id=vault.active, check_value=value, state=IN_USE, seals=0
                    )
                )
            elif known[vault.active].state != IN_USE:
                raise InputError(
                    "retired_key",
                    f"The active key {vault.active!r} in {vault.origin!r} has been retired.",
                    "Make the newest key the active one.",
                )

    def allot(self, seals: int) -> None:
        """Count encryptions under the active key before they are made.

        Args:
            seals: How many are about to be made.

        Raises:
            InputError: `key_exhausted` when the key would pass `SEALS_PER_KEY`.
        """
        if seals > self._allotted:
            more = max(seals, SEALS_AT_ONCE)
            with self.engine.begin() as connection:
                counted = connection.execute(
                    update(KEYS)
                    .where(KEYS.c.id == self.vault.active, KEYS.c.seals <= SEALS_PER_KEY - more)
                    .values(seals=KEYS.c.seals + more)
                )
            if counted.rowcount == 0:
                raise InputError(
                    "key_exhausted",
                    f"The key {self.vault.active!r} has encrypted as often as it safely can.",
                    "Rotate the journal's key.",
                )
            self._allotted += more
        self._allotted -= seals

    def may_seal(self, connection: Connection) -> bool:
        """Whether the active key may still be written with, until this transaction's end."""
        # PostgreSQL: retiring it waits for this transaction; SQLite has one writer at a time.
        query = _STATE[connection.dialect.name]
        return connection.exec_driver_sql(query, (self.vault.active,)).scalar() == IN_USE


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """Around database work: the driver's errors become one sentence.

    Yields:
        Nothing.

    Raises:
        IntegrityError: `journal_corrupted` when SQLite finds its file damaged.
        UnavailableError: `journal_unavailable` otherwise.
    """
    try:
        yield
    except DBAPIError as error:
        raise database_error(error) from error
    except (SQLAlchemyError, TypeError, ValueError) as error:
        # SQLite's columns hold any type: a flipped bit makes a name a number, a value nothing.
        raise IntegrityError("journal_corrupted", "The journal's file is damaged.") from error


def database_error(error: DBAPIError) -> IntegrityError | UnavailableError:
    """The sentence for a driver's error; it holds neither statement nor parameters."""
    reason = str(error.orig).strip().partition("\n")[0].rstrip(".")
    if any(words in reason for words in ("malformed", "not a database", "decode to UTF-8")):
        return IntegrityError("journal_corrupted", f"The journal's file is damaged: {reason}.")
    return UnavailableError("journal_unavailable", f"The journal's database failed: {reason}.")


def _journal_id(connection: Connection, create: bool) -> bytes:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_CREATION_LOCK})"))
    present = inspect(connection).get_table_names()
    if JOURNAL.name not in present:
        if present:
            raise InputError(
                "not_a_journal",
                f"The database holds other tables ({', '.join(sorted(present)[:3])}), no journal.",
                "Give the journal a database of its own.",
            )
        if not create:
            raise InputError("not_found", "The database holds no journal.")
        METADATA.create_all(connection, checkfirst=False)
        connection.execute(insert(JOURNAL).values(schema=SCHEMA, id=secrets.token_bytes(16)))
    row = connection.execute(select(JOURNAL).order_by(JOURNAL.c.schema.desc())).first()
    if row is None:
        raise IntegrityError("journal_corrupted", "The journal's table of versions is empty.")
    if row.schema > SCHEMA:
        raise InputError(
            "newer_schema",
            f"The journal has the layout {row.schema}; this version of Tamis knows {SCHEMA}.",
            "Use the version that wrote it, or a later one.",
        )
    return bytes(row.id)
