"""Forgetting: no trace of a subject is left, and the others' stay."""

from pathlib import Path

import pytest
from sqlalchemy import select, update

from serving.transformer.journal import commands, erasure
from serving.transformer.journal.keyring import add_key
from serving.transformer.journal.schema import FEEDBACK, PREDICTIONS
from serving.transformer.journal.settings import JournalSettings
from tests.serving.transformer.journal.answers import (
    answered,
    contents,
    database,
    judge,
    keep,
    opened,
)


def test_a_subjects_texts_and_name_are_gone_and_others_stay(settings: JournalSettings) -> None:
    ada = answered([f"ada's {i}" for i in range(5)], "ada")
    grace = answered(["grace's"], "grace")
    keep(settings, ada, grace)
    judge(settings, [*ada.ids[:2], *grace.ids], "ada")
    judge(settings, ada.ids[2:3], "grace")
    report = commands.erase("ada", settings.url, settings.keys)
    assert (report.predictions, report.feedback) == (5, 3)
    assert [(c.subject, c.text) for c in contents(settings).values()] == [("grace", "grace's")]
    with database(settings) as journal, journal.engine.connect() as connection:
        pseudonym = journal.vault.pseudonym("ada")
        for table in (PREDICTIONS, FEEDBACK):
            assert pseudonym not in connection.execute(select(table.c.subject)).scalars().all()
    after = commands.status(settings.url, settings.keys)
    assert (after.predictions, after.erased, after.feedback) == (6, 5, 4)
    again = commands.erase("ada", settings.url, settings.keys)
    assert (again.predictions, again.feedback) == (0, 0)


def test_what_was_sealed_under_older_keys_is_found_too(settings: JournalSettings) -> None:
    keep(settings, answered(["old"], "ada"))
    add_key(Path(settings.keys))
    keep(settings, answered(["new"], "ada"))
    assert commands.erase("ada", settings.url, settings.keys).predictions == 2


def test_more_rows_than_one_transaction_takes(
    settings: JournalSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "ROWS_AT_ONCE", 3)
    given = answered([f"text {i}" for i in range(10)], "ada")
    keep(settings, given)
    judge(settings, list(given.ids), "ada")
    report = commands.erase("ada", settings.url, settings.keys)
    assert (report.predictions, report.feedback) == (10, 10)


def test_feedback_still_counts_after_its_giver_is_forgotten(
    settings: JournalSettings, tmp_path: Path
) -> None:
    given = answered(["a film"], "ada")
    keep(settings, given)
    judge(settings, given.ids, "grace")
    commands.erase("grace", settings.url, settings.keys)
    assert commands.export(tmp_path / "o.jsonl", url=settings.url, keys=settings.keys).rows == 1


def test_feedback_that_was_altered_goes_whole(settings: JournalSettings) -> None:
    given = answered(["a film", "another"])
    keep(settings, given)
    judge(settings, given.ids, "grace")
    with database(settings) as journal, journal.engine.begin() as connection:
        connection.execute(update(FEEDBACK).where(FEEDBACK.c.prediction == 1).values(time=0))
    assert commands.erase("grace", settings.url, settings.keys).feedback == 2
    assert commands.status(settings.url, settings.keys).feedback == 1


def test_the_bytes_are_gone_from_every_file(sqlite: JournalSettings) -> None:
    """Also while a server has the journal open, and with texts of several pages."""
    path = Path(sqlite.url)
    texts = [f"{'long ' * (i % 7) ** 4}{i}" for i in range(200)]
    ada = answered(texts[::2], "ada")
    grace = answered(texts[1::2], "grace")
    with opened(sqlite):
        keep(sqlite, ada, grace)
        judge(sqlite, [*ada.ids, *grace.ids], "linus")
        columns = PREDICTIONS.c.id, PREDICTIONS.c.nonce, PREDICTIONS.c.sealed
        with database(sqlite) as journal, journal.engine.connect() as connection:
            rows = {row.id: row for row in connection.execute(select(*columns))}
        erasure_report = commands.erase("ada", sqlite.url, sqlite.keys)
        assert erasure_report.predictions == 100
        content = b"".join(p.read_bytes() for p in path.parent.glob(path.name + "*"))
    for name in ada.ids:
        row = rows[name]
        assert row.nonce not in content
        for part in range(0, len(row.sealed) - 15, 500):
            assert row.sealed[part : part + 16] not in content
    assert all(rows[name].nonce in content for name in grace.ids)


def test_old_predictions_are_pruned_with_their_feedback(settings: JournalSettings) -> None:
    old, new = answered(["old", "older"]), answered(["new"])
    keep(settings, old)
    judge(settings, old.ids[:1])
    with database(settings) as journal, journal.engine.begin() as connection:
        connection.execute(
            update(PREDICTIONS).values(time=PREDICTIONS.c.time - 90 * 86_400 * 10**6)
        )
    keep(settings, new)
    judge(settings, new.ids)
    report = commands.prune("30d", settings.url, settings.keys)
    assert (report.predictions, report.feedback) == (2, 1)
    assert [c.text for c in contents(settings).values()] == ["new"]
    left = commands.status(settings.url, settings.keys)
    assert (left.predictions, left.feedback) == (1, 1)
    assert commands.prune("30d", settings.url, settings.keys).predictions == 0


def test_pruning_takes_many_transactions(
    settings: JournalSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "ROWS_AT_ONCE", 3)
    keep(settings, answered([f"text {i}" for i in range(10)]))
    assert commands.prune("0m", settings.url, settings.keys).predictions == 10


def test_compacting_keeps_all_and_shrinks_the_file(sqlite: JournalSettings) -> None:
    kept = answered(["kept"])
    keep(sqlite, answered(["x" * 1_000] * 2_000), kept)
    judge(sqlite, kept.ids)
    with database(sqlite) as journal, journal.engine.begin() as connection:
        connection.execute(update(PREDICTIONS).where(PREDICTIONS.c.number <= 2_000).values(time=0))
    commands.prune("1d", sqlite.url, sqlite.keys)
    before = Path(sqlite.url).stat().st_size
    commands.compact(sqlite.url, sqlite.keys)
    assert Path(sqlite.url).stat().st_size < before / 10
    assert [c.text for c in contents(sqlite).values()] == ["kept"]


@pytest.mark.service
def test_compacting_works_on_postgresql(database_url: str, sqlite: JournalSettings) -> None:
    settings = JournalSettings(database_url, sqlite.keys)
    keep(settings, answered(["kept"]))
    commands.compact(settings.url, settings.keys)
    assert [c.text for c in contents(settings).values()] == ["kept"]
