"""Rotation: every record under the new key, whatever happens meanwhile."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from components.contract.errors import IntegrityError
from serving.transformer.journal import commands, rotation
from serving.transformer.journal.engine import reading
from serving.transformer.journal.keyring import load_keys
from serving.transformer.journal.schema import FEEDBACK, KEYS, PREDICTIONS, RETIRED
from serving.transformer.journal.settings import JournalSettings
from tests.conftest import ROOT
from tests.serving.transformer.journal.answers import (
    answered,
    contents,
    database,
    judge,
    keep,
    opened,
)


def drop_old_keys(settings: JournalSettings) -> None:
    path = Path(settings.keys)
    path.write_text(path.read_text().splitlines()[0] + "\n")


def test_all_is_sealed_anew_and_the_old_key_is_not_needed(settings: JournalSettings) -> None:
    given = answered([f"text {i}" for i in range(20)], "ada")
    keep(settings, given)
    judge(settings, given.ids[:5], "grace")
    before = contents(settings)
    old = load_keys(Path(settings.keys)).active
    report = commands.rotate(settings.url, settings.keys)
    assert (report.predictions, report.feedback, report.retired) == (20, 5, (old,))
    assert report.active != old
    drop_old_keys(settings)
    assert contents(settings) == before
    assert commands.erase("ada", settings.url, settings.keys).predictions == 20
    assert commands.erase("grace", settings.url, settings.keys).feedback == 5
    with database(settings) as journal, journal.engine.connect() as connection:
        used = connection.execute(select(FEEDBACK.c.key).distinct()).scalars().all()
    assert used == [report.active]


def test_erased_rows_stay_erased(settings: JournalSettings) -> None:
    keep(settings, answered(["ada's"], "ada"), answered(["grace's"], "grace"))
    commands.erase("ada", settings.url, settings.keys)
    assert commands.rotate(settings.url, settings.keys).predictions == 1
    assert [c.text for c in contents(settings).values()] == ["grace's"]


def test_a_server_goes_on_with_the_new_key(settings: JournalSettings) -> None:
    async def use() -> None:
        with opened(settings) as journal:
            await journal.record(answered(["before"]))
            commands.rotate(settings.url, settings.keys)
            after = answered(["after"])
            await journal.record(after)
            assert (await journal.feedback(after.ids[0], "positive", "grace")).correct

    asyncio.run(use())
    drop_old_keys(settings)
    assert {c.text for c in contents(settings).values()} == {"before", "after"}


def test_requests_during_a_rotation_are_all_kept_under_the_new_key(
    settings: JournalSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "ROWS_AT_ONCE", 10)
    keep(settings, answered([f"old {i}" for i in range(300)]))

    async def use() -> int:
        turn = 0
        with opened(settings) as journal:
            rotating = asyncio.create_task(
                asyncio.to_thread(commands.rotate, settings.url, settings.keys)
            )
            while not rotating.done():
                await journal.record(answered([f"new {turn}"]))
                turn += 1
            await rotating
        return turn

    turns = asyncio.run(use())
    drop_old_keys(settings)
    assert len(contents(settings)) == 300 + turns


def test_a_killed_rotation_goes_on(settings: JournalSettings) -> None:
    total = 2_000
    keep(settings, answered([f"text {i}" for i in range(total)]))
    old = load_keys(Path(settings.keys)).active
    script = (
        "import sys\n"
        "from serving.transformer.journal import commands, rotation\n"
        "rotation.ROWS_AT_ONCE = 50\n"
        "commands.rotate(sys.argv[1], sys.argv[2])\n"
    )
    command = [sys.executable, "-c", script, settings.url, settings.keys]
    count = select(func.count()).select_from(PREDICTIONS).where(PREDICTIONS.c.key != old)
    with subprocess.Popen(command, cwd=ROOT) as process, database(settings) as journal:
        done = 0
        while not done and process.poll() is None:
            with reading(journal.engine) as connection:
                done = connection.execute(count).scalar_one()
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    keys = load_keys(Path(settings.keys)).keys
    assert len(keys) == 2
    report = commands.rotate(settings.url, settings.keys)
    assert 0 < report.predictions < total
    assert load_keys(Path(settings.keys)).keys == keys  # no third key: it went on with the second
    assert report.retired == (old,)
    drop_old_keys(settings)
    assert len(contents(settings)) == total


def test_an_altered_record_stops_it_by_name(settings: JournalSettings) -> None:
    given = answered(["first", "second"])
    keep(settings, given)
    with database(settings) as journal, journal.engine.begin() as connection:
        connection.execute(update(PREDICTIONS).where(PREDICTIONS.c.number == 2).values(tokens=0))
    with pytest.raises(IntegrityError, match=given.ids[1]):
        commands.rotate(settings.url, settings.keys)


def test_a_second_rotation_makes_another_key(settings: JournalSettings) -> None:
    keep(settings, answered(["a film"]))
    first = commands.rotate(settings.url, settings.keys).active
    second = commands.rotate(settings.url, settings.keys)
    assert (second.predictions, second.retired) == (1, (first,))
    with database(settings) as journal, journal.engine.connect() as connection:
        states = connection.execute(select(KEYS.c.state).where(KEYS.c.id != second.active))
        assert states.scalars().all() == [RETIRED, RETIRED]


def test_a_mounted_secret_is_rotated_with_the_key_it_names(
    sqlite: JournalSettings, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    lines = [Path(sqlite.keys).read_text().split()]
    commands_settings = JournalSettings(sqlite.url, str(secret))
    (secret / lines[0][0]).write_text(lines[0][1])
    (secret / lines[0][0]).chmod(0o600)
    keep(commands_settings, answered(["a film"]))
    nothing = commands.rotate(commands_settings.url, commands_settings.keys)
    assert (nothing.predictions, nothing.retired) == (0, ())
    (secret / "newer").write_text(lines[0][1][::-1].lstrip("=") + "=")
    (secret / "active").write_text("newer")
    for name in ("newer", "active"):
        (secret / name).chmod(0o600)
    report = commands.rotate(commands_settings.url, commands_settings.keys)
    assert (report.active, report.predictions, report.retired) == ("newer", 1, (lines[0][0],))
