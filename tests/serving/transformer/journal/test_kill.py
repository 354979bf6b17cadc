"""kill -9: what was acknowledged is there and readable, whatever was under way."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from serving.transformer.journal.settings import JournalSettings
from tests.conftest import ROOT
from tests.serving.transformer.journal.answers import answered, contents, database, judge, keep

SCRIPT = """
import asyncio, sys
from serving.transformer.journal.settings import JournalSettings
from tests.serving.transformer.journal.answers import answered, opened

async def caller(journal, number):
    for turn in range(10**9):
        batch = answered([f"text {number} {turn}"] * (1 + number % 3), f"subject {number}")
        await journal.record(batch)
        sys.stdout.write("".join(f"{name}\\n" for name in batch.ids))
        sys.stdout.flush()

async def main():
    with opened(JournalSettings(sys.argv[1], sys.argv[2])) as journal:
        await asyncio.gather(*(caller(journal, number) for number in range(16)))

asyncio.run(main())
"""


def killed_after(settings: JournalSettings, lines: int) -> list[str]:
    """The ids that a process acknowledged before it was killed."""
    command = [sys.executable, "-c", SCRIPT, settings.url, settings.keys]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        acknowledged += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    return [line.strip() for line in acknowledged if line.endswith("\n")]


@pytest.mark.parametrize("lines", [1, 700, 3_000])
def test_every_acknowledged_record_survives(settings: JournalSettings, lines: int) -> None:
    acknowledged = killed_after(settings, lines)
    assert len(acknowledged) >= lines
    kept = contents(settings)
    assert set(acknowledged) <= set(kept)
    assert all(content.text.startswith("text ") for content in kept.values())
    keep(settings, answered(["and it goes on"]))
    judge(settings, acknowledged[-5:])


def test_a_server_that_restarts_is_reconnected_to(
    settings: JournalSettings, tmp_path: Path
) -> None:
    from tests.serving.transformer.journal.answers import opened

    async def use() -> None:
        with opened(settings) as journal:
            await journal.record(answered(["before"]))
            with database(settings) as other, other.engine.connect() as connection:
                if connection.dialect.name == "postgresql":  # as a restart would
                    connection.exec_driver_sql(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
            await journal.record(answered(["after"]))

    asyncio.run(use())
    assert {content.text for content in contents(settings).values()} == {"before", "after"}
