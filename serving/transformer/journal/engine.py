"""SQLAlchemy engines for SQLite and PostgreSQL, with the pragmas and timeouts a journal needs."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError

from components.contract.errors import InputError
from serving.transformer.journal.settings import JournalSettings

BUSY_MS = 10_000
"""How long to wait for another process's transaction; the longest of ours takes far less."""
CONNECT_S = 5
TCP_USER_TIMEOUT_MS = 10_000
"""When unacknowledged data gives a connection up for lost: a vanished host must not hold the
writer for the quarter of an hour that TCP would."""
PAUSE_S = 0.02
"""Between two transactions of a long job. SQLite's waiting writers look every few milliseconds
whether the lock is free; a job that took it again at once would keep a server's requests out."""
CHECKPOINT_PAGES = 4_000
"""Pages (4 KiB) after which a commit moves the write-ahead log into the file: 16 MB, a quarter of
the syncs that SQLite's default makes."""


def make_engine(settings: JournalSettings, create: bool) -> Engine:
    """The engine for a journal's address; a new SQLite file is readable by its owner alone.

    Args:
        settings: The address.
        create: Whether a missing SQLite file is made.

    Returns:
        The engine; nothing but that file has been touched.

    Raises:
        InputError: `bad_journal_url`, `not_found`, `not_writable`, `missing_package`.
    """
    url = _parse(settings.url)
    if url.drivername == "sqlite":
        return _sqlite(url, settings, create)
    try:
        return create_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": CONNECT_S,
                "tcp_user_timeout": TCP_USER_TIMEOUT_MS,
                "application_name": "tamis-journal",
            },
        )
    except ModuleNotFoundError as error:
        raise InputError(
            "missing_package", "A journal on PostgreSQL needs psycopg.", "Install tamis[postgres]."
        ) from error


def reading(engine: Engine) -> Connection:
    """A connection that won't write: on SQLite it doesn't wait for the write lock."""
    return engine.connect().execution_options(reading=True)


def insert_unless_there(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that leaves a row of the same key as it is and then returns none."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


def _parse(text: str) -> URL:
    if "://" not in text:
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise InputError("bad_journal_url", "journal.url is not a database's URL.") from error
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database and url.database != ":memory:":
        return url
    raise InputError(
        "bad_journal_url",
        f"A journal can't be kept at {url.render_as_string()!r}.",
        "Give a file's path, sqlite:///<path> or postgresql://<user>@<host>/<name>.",
    )


def _sqlite(url: URL, settings: JournalSettings, create: bool) -> Engine:
    path = Path(str(url.database))
    try:
        if create:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with path.open("r+b"):  # else SQLite's sentence is "unable to open database file"
            pass
    except OSError as error:
        code = "not_found" if isinstance(error, FileNotFoundError) else "not_writable"
        raise InputError(
            code, f"The journal {str(path)!r} can't be opened: {error.strerror}."
        ) from error
    engine = create_engine(url, hide_parameters=True, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # transactions begin when `begin` below says so
        for pragma in (
            f"busy_timeout = {BUSY_MS}",
            "journal_mode = WAL",
            f"synchronous = {settings.synchronous}",
            f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
            "secure_delete = ON",  # what is deleted is overwritten with zeros
            "foreign_keys = ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer that begins as a reader fails at its first write when another was quicker.
        only_reads = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")

    return engine
