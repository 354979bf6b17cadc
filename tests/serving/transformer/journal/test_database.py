"""Opening a journal: its keys, its version, its file."""

import dataclasses
import os
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from components.contract.errors import InputError, IntegrityError, TamisError
from serving.transformer.journal.database import Database
from serving.transformer.journal.errors import UnavailableError
from serving.transformer.journal.keyring import add_key, create_keys, load_keys
from serving.transformer.journal.schema import JOURNAL, KEYS, SCHEMA
from serving.transformer.journal.settings import JournalSettings
from serving.transformer.journal.vault import SEALS_PER_KEY
from tests.serving.transformer.journal.answers import answered, contents, database, keep


def refusal(settings: JournalSettings, create: bool = False) -> TamisError:
    with pytest.raises(TamisError) as caught:
        Database.open(settings, create)
    return caught.value


def test_another_key_of_the_same_name_is_refused(settings: JournalSettings) -> None:
    keep(settings, answered(["a film"]))
    path = Path(settings.keys)
    name = path.read_text().split()[0]
    path.unlink()
    create_keys(path)
    path.write_text(f"{name} {path.read_text().split()[1]}\n")
    error = refusal(settings)
    assert error.code == "wrong_key"
    assert name in error.message


def test_a_ring_without_the_key_is_refused(settings: JournalSettings) -> None:
    keep(settings, answered(["a film"]))
    path = Path(settings.keys)
    name = path.read_text().split()[0]
    path.unlink()
    create_keys(path)
    error = refusal(settings)
    assert error.code == "missing_key"
    assert name in error.message


def test_a_retired_key_may_not_be_active(settings: JournalSettings) -> None:
    keep(settings, answered(["a film"]))
    with database(settings) as opened, opened.engine.begin() as connection:
        connection.execute(update(KEYS).values(state=2))
    assert refusal(settings).code == "retired_key"


def test_a_newer_layout_is_refused_in_a_sentence(settings: JournalSettings) -> None:
    with database(settings, create=True) as opened, opened.engine.begin() as connection:
        connection.execute(insert(JOURNAL).values(schema=SCHEMA + 1, id=b"x" * 16))
    error = refusal(settings)
    assert error.code == "newer_schema"
    assert str(SCHEMA + 1) in error.message


def test_a_database_of_something_else_is_refused(settings: JournalSettings) -> None:
    with database(settings, create=True) as opened, opened.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE journal RENAME TO accounts")
    error = refusal(settings, create=True)
    assert error.code == "not_a_journal"


def test_an_empty_database_is_not_made_a_journal_unasked(settings: JournalSettings) -> None:
    assert refusal(settings).code == "not_found"
    with database(settings, create=True):
        pass
    with database(settings):
        pass


def test_many_may_make_it_at_once(settings: JournalSettings) -> None:
    opened = [Database.open(settings, create=True) for _ in range(3)]
    ids = {one.vault.check_value(one.vault.active) for one in opened}
    for one in opened:
        one.engine.dispose()
    assert len(ids) == 1


def test_a_key_is_refused_before_its_nonces_run_out(settings: JournalSettings) -> None:
    with database(settings, create=True) as opened, opened.engine.begin() as connection:
        connection.execute(update(KEYS).values(seals=SEALS_PER_KEY - 65_536))
    with database(settings) as opened:
        opened.allot(65_000)
        opened.allot(536)
        with pytest.raises(InputError) as caught:
            opened.allot(1)
    assert caught.value.code == "key_exhausted"
    with pytest.raises(UnavailableError, match="Rotate"):
        keep(settings, answered(["a film"]))
    add_key(Path(settings.keys))
    keep(settings, answered(["a film"]))


def test_a_ring_may_hold_keys_that_the_journal_never_saw(settings: JournalSettings) -> None:
    keep(settings, answered(["a film"]))
    add_key(Path(settings.keys))
    keep(settings, answered(["another"]))
    assert {content.text for content in contents(settings).values()} == {"a film", "another"}
    assert len(load_keys(Path(settings.keys)).keys) == 2


def test_its_files_are_its_owners_alone(sqlite: JournalSettings, tmp_path: Path) -> None:
    nested = dataclasses.replace(sqlite, url=str(tmp_path / "state" / "journal.db"))
    old = os.umask(0)
    try:
        with database(nested, create=True):
            modes = {p.name: p.stat().st_mode & 0o777 for p in (tmp_path / "state").iterdir()}
    finally:
        os.umask(old)
    assert modes == {"journal.db": 0o600, "journal.db-wal": 0o600, "journal.db-shm": 0o600}
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("content", [b"this is no database " * 300, b"SQLite format 3\0" * 300])
def test_a_file_that_is_no_database_is_refused(sqlite: JournalSettings, content: bytes) -> None:
    Path(sqlite.url).write_bytes(content)
    with pytest.raises(IntegrityError) as caught:
        Database.open(sqlite, create=True)
    assert caught.value.code == "journal_corrupted"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("mysql://root@127.0.0.1/x", "bad_journal_url"),
        ("sqlite://", "bad_journal_url"),
        ("sqlite:///:memory:", "bad_journal_url"),
        ("postgresql://user:secret@127.0.0.1:x/y", "bad_journal_url"),
        ("://", "bad_journal_url"),
        ("oracle://user:secret@127.0.0.1/x", "bad_journal_url"),
        ("missing/journal.db", "not_found"),
        ("/dev/null/journal.db", "not_writable"),
        ("/", "not_writable"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(
    sqlite: JournalSettings, url: str, code: str
) -> None:
    error = refusal(dataclasses.replace(sqlite, url=url))
    assert error.code == code
    assert "secret" not in str(error)


def test_a_server_that_is_down_is_one_sentence(sqlite: JournalSettings) -> None:
    error = refusal(dataclasses.replace(sqlite, url="postgresql://u:secret@127.0.0.1:1/x"))
    assert error.code == "journal_unavailable"
    assert "\n" not in str(error)
    assert "secret" not in str(error)
