"""Journals on SQLite and on a real PostgreSQL."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from serving.transformer.journal.keyring import create_keys
from serving.transformer.journal.settings import JournalSettings

ACCOUNT = "postgres"
_NUMBERS = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL that this session starts on a free port of 127.0.0.1 and stops."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        pytest.fail("There is no initdb under /usr/lib/postgresql; apt-get install postgresql.")
    programs = binaries[-1].parent
    # PostgreSQL refuses to run as root; nobody else may enter pytest's own folders.
    account = {"user": ACCOUNT, "group": ACCOUNT, "extra_groups": []} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="tamis-postgres-"))
    if account:
        shutil.chown(folder, ACCOUNT, ACCOUNT)

    def call(program: str, *arguments: str) -> None:
        log = folder / "calls"  # no pipe: the server would inherit it and hold it open
        with log.open("w") as output:
            done = subprocess.run(
                [programs / program, "-D", folder / "data", *arguments],
                stdout=output,
                stderr=output,
                check=False,
                cwd="/",
                **account,
            )
        assert done.returncode == 0, log.read_text()

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    try:
        call("initdb", "-A", "trust", "-U", "tamis", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        call("pg_ctl", "-o", f"{options} -c fsync=off", "-w", "-l", str(folder / "log"), "start")
        try:
            yield f"postgresql://tamis@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def database_url(postgres: str) -> str:
    """An empty schema on that server: as good as a database, and made in no time."""
    import psycopg

    name = f"journal{next(_NUMBERS)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{postgres}?options=-csearch_path%3D{name}"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A key file with one key."""
    path = tmp_path / "keys"
    assert create_keys(path)
    return path


@pytest.fixture
def sqlite(tmp_path: Path, keys: Path) -> JournalSettings:
    """A journal's settings, on SQLite."""
    return JournalSettings(str(tmp_path / "journal.db"), str(keys))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def settings(request: pytest.FixtureRequest, sqlite: JournalSettings) -> JournalSettings:
    """A journal's settings, on each database in turn."""
    if request.param == "sqlite":
        return sqlite
    return JournalSettings(request.getfixturevalue("database_url"), sqlite.keys)
