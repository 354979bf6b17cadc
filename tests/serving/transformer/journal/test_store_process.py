"""The journal in a process of its own: opened or refused, lost and started again, ended."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from components.contract.errors import InputError, TamisError
from serving.transformer.journal import store_process
from serving.transformer.journal.errors import FeedbackConflictError, UnavailableError
from serving.transformer.journal.journal import Journal, recording_of
from serving.transformer.journal.keyring import create_keys
from serving.transformer.journal.settings import JournalSettings
from serving.transformer.journal.store_process import StoreProcess
from tests.serving.transformer.journal.answers import answered, contents, keep


def used(settings: JournalSettings, use: Callable[[Journal, StoreProcess], object]) -> None:
    """Run a coroutine function with an open journal and close it as a server does."""

    async def run() -> None:
        store = StoreProcess(settings)
        store.open()
        journal = Journal(store, settings.waiting_rows, CollectorRegistry())
        try:
            await use(journal, store)
        finally:
            await journal.close()

    asyncio.run(run())


def test_what_is_recorded_is_kept_and_judged(settings: JournalSettings) -> None:
    batches = [answered([f"film {i}", "\ud800 alone"], f"subject {i % 3}") for i in range(200)]

    async def use(journal: Journal, _: StoreProcess) -> None:
        await asyncio.gather(*(journal.record(batch) for batch in batches))
        name = batches[7].ids[0]
        assert (await journal.feedback(name, "positive", "grace")).correct
        with pytest.raises(FeedbackConflictError, match="has its feedback already"):
            await journal.feedback(name, "negative", "grace")

    used(settings, use)
    kept = contents(settings)
    assert len(kept) == 400
    for batch in batches:
        assert [kept[name].text for name in batch.ids] == list(batch.texts)
        assert {kept[name].subject for name in batch.ids} == {batch.subject}


def test_a_journal_that_cannot_be_opened_says_why(sqlite: JournalSettings, tmp_path: Path) -> None:
    keep(sqlite, answered(["a film"]))
    other = tmp_path / "other"
    create_keys(other)
    store = StoreProcess(replace(sqlite, keys=str(other)))
    with pytest.raises(InputError) as caught:
        store.open()
    assert caught.value.code in ("wrong_key", "missing_key")
    assert store.pid is None


def test_a_process_that_ends_before_it_is_ready(
    sqlite: JournalSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_process, "COMMAND", ("-c", "pass"))
    with pytest.raises(UnavailableError) as caught:
        StoreProcess(sqlite).open()
    assert caught.value.code == "journal_unavailable"


def test_after_a_kill_callers_are_told_and_the_next_process_goes_on(
    settings: JournalSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_process, "PAUSE_S", 0.0)
    acknowledged: list[str] = []

    async def use(journal: Journal, store: StoreProcess) -> None:
        for _ in range(3):
            batch = answered(["before"])
            await journal.record(batch)
            acknowledged.extend(batch.ids)
            first = store.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            with pytest.raises(UnavailableError) as caught:
                await journal.record(answered(["lost"]))
            assert caught.value.code == "journal_unavailable"
            batch = answered(["after"])
            await journal.record(batch)
            acknowledged.extend(batch.ids)
            assert store.pid != first

    used(settings, use)
    assert set(acknowledged) <= contents(settings).keys()


def test_a_process_that_keeps_failing_is_not_started_at_every_call(
    sqlite: JournalSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_process, "PAUSE_S", 60.0)

    async def use(journal: Journal, store: StoreProcess) -> None:
        assert store.pid is not None
        os.kill(store.pid, signal.SIGKILL)
        for _ in range(20):
            with pytest.raises(UnavailableError):
                await journal.record(answered(["lost"]))
        assert store.pid is None

    used(sqlite, use)


def test_keys_that_were_changed_meanwhile_are_told(
    sqlite: JournalSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(store_process, "PAUSE_S", 0.0)

    async def use(journal: Journal, store: StoreProcess) -> None:
        assert store.pid is not None
        os.kill(store.pid, signal.SIGKILL)
        with pytest.raises(UnavailableError):
            await journal.record(answered(["lost"]))
        Path(sqlite.keys).rename(tmp_path / "away")
        with pytest.raises(TamisError) as caught:
            await journal.record(answered(["no keys"]))
        assert caught.value.code == "journal_unavailable"
        (tmp_path / "away").rename(sqlite.keys)
        await journal.record(answered(["kept"]))

    used(sqlite, use)
    assert [content.text for content in contents(sqlite).values()] == ["kept"]


def test_one_that_hangs_is_ended(sqlite: JournalSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_process, "PAUSE_S", 0.0)

    async def use(journal: Journal, store: StoreProcess) -> None:
        monkeypatch.setattr(store_process, "ANSWER_S", 0.5)
        hung = store.pid
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        with pytest.raises(UnavailableError):
            await journal.record(answered(["lost"]))
        with pytest.raises(ProcessLookupError):
            os.kill(hung, 0)
        monkeypatch.setattr(store_process, "ANSWER_S", 60.0)
        await journal.record(answered(["kept"]))

    used(sqlite, use)
    assert [content.text for content in contents(sqlite).values()] == ["kept"]


def test_a_terminals_interrupt_does_not_end_it(sqlite: JournalSettings) -> None:
    async def use(journal: Journal, store: StoreProcess) -> None:
        assert store.pid is not None
        os.kill(store.pid, signal.SIGINT)
        await journal.record(answered(["kept"]))

    used(sqlite, use)
    assert len(contents(sqlite)) == 1


def test_it_finishes_what_it_was_given_when_the_server_is_gone(sqlite: JournalSettings) -> None:
    """The server's end is all it sees of a kill -9: a socket that closes."""
    batch = answered(["given"] * 500)

    async def use() -> None:
        store = StoreProcess(sqlite)
        store.open()
        pid = store.pid
        assert pid is not None
        asking = asyncio.create_task(store.commit([recording_of(batch)]))
        while asking.done() or store._streams is None:  # written, not answered
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        store.close()
        asking.cancel()
        deadline = time.monotonic() + 30
        while Path(f"/proc/{pid}").exists():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)

    asyncio.run(use())
    assert contents(sqlite).keys() == set(batch.ids)
