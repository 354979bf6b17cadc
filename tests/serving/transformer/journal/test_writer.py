"""Group commit: who waits, who is refused, who is woken."""

import asyncio
from collections.abc import Sequence

import pytest

from serving.transformer.journal import writer as module
from serving.transformer.journal.entry import Entry, Recording
from serving.transformer.journal.errors import OverloadError, UnavailableError
from serving.transformer.journal.journal import recording_of
from serving.transformer.journal.writer import GroupCommitWriter
from tests.serving.transformer.journal.answers import answered


class Disk:
    """A commit that lasts until `release` is called."""

    def __init__(self) -> None:
        self.batches: list[list[Entry]] = []
        self.started, self._released = asyncio.Event(), asyncio.Event()

    async def commit(self, entries: Sequence[Entry]) -> list[None]:
        self.batches.append(list(entries))
        self.started.set()
        await asyncio.wait_for(self._released.wait(), 30)
        return [None] * len(entries)

    def release(self) -> None:
        self._released.set()


def entry(texts: int = 1, characters: int = 1) -> Recording:
    return recording_of(answered(["x" * characters] * texts))


async def begun(disk: Disk) -> None:
    await asyncio.wait_for(disk.started.wait(), 30)


def test_all_that_wait_share_the_next_commit() -> None:
    disk = Disk()
    writer = GroupCommitWriter(disk.commit, 1_000)

    async def use() -> None:
        first = asyncio.create_task(writer.submit(entry()))
        await begun(disk)
        rest = [asyncio.create_task(writer.submit(entry())) for _ in range(50)]
        await asyncio.sleep(0)
        assert writer.waiting_rows == 50
        disk.release()
        await asyncio.gather(first, *rest)

    asyncio.run(use())
    assert [len(batch) for batch in disk.batches] == [1, 50]
    assert writer.waiting_rows == 0


@pytest.mark.parametrize(
    ("limit", "texts", "characters"), [(4, 2, 1), (1_000, 1, module.WAITING_CHARACTERS // 2)]
)
def test_more_than_may_wait_is_refused_at_once(limit: int, texts: int, characters: int) -> None:
    disk = Disk()
    writer = GroupCommitWriter(disk.commit, limit)

    async def use() -> None:
        first = asyncio.create_task(writer.submit(entry()))
        await begun(disk)
        waiting = [asyncio.create_task(writer.submit(entry(texts, characters))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadError) as caught:
            await writer.submit(entry())
        assert caught.value.code == "journal_full"
        disk.release()
        await asyncio.gather(first, *waiting)
        await writer.submit(entry())  # there is room again

    asyncio.run(use())


def test_one_larger_than_the_limit_is_taken_when_nothing_waits() -> None:
    disk = Disk()
    disk.release()
    writer = GroupCommitWriter(disk.commit, 3)
    asyncio.run(writer.submit(entry(texts=10)))
    assert len(disk.batches) == 1


def test_a_transaction_has_a_bounded_number_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 10)
    disk = Disk()
    writer = GroupCommitWriter(disk.commit, 1_000)

    async def use() -> None:
        first = asyncio.create_task(writer.submit(entry()))
        await begun(disk)
        rest = [asyncio.create_task(writer.submit(entry(texts))) for texts in (4, 4, 4, 25, 1)]
        await asyncio.sleep(0)
        disk.release()
        await asyncio.gather(first, *rest)

    asyncio.run(use())
    assert [sum(e.rows for e in batch) for batch in disk.batches] == [1, 8, 4, 25, 1]


def test_a_cancelled_caller_harms_no_other() -> None:
    disk = Disk()
    writer = GroupCommitWriter(disk.commit, 1_000)

    async def use() -> None:
        tasks = [asyncio.create_task(writer.submit(entry())) for _ in range(3)]
        await begun(disk)
        tasks[0].cancel()
        tasks[1].cancel()
        disk.release()
        await tasks[2]
        await asyncio.sleep(0)
        assert [task.cancelled() for task in tasks] == [True, True, False]

    asyncio.run(use())


def test_a_bug_in_the_commit_fails_its_callers_and_not_the_next() -> None:
    turns = iter([RuntimeError("a bug"), None])

    async def commit(entries: Sequence[Entry]) -> list[None]:
        error = next(turns)
        if error is not None:
            raise error
        return [None] * len(entries)

    writer = GroupCommitWriter(commit, 1_000)
    with pytest.raises(RuntimeError, match="a bug"):
        asyncio.run(writer.submit(entry()))
    asyncio.run(writer.submit(entry()))


def test_closing_writes_what_waits_and_then_refuses() -> None:
    disk = Disk()
    writer = GroupCommitWriter(disk.commit, 1_000)

    async def use() -> None:
        tasks = [asyncio.create_task(writer.submit(entry())) for _ in range(5)]
        await begun(disk)
        disk.release()
        await writer.close()
        await asyncio.gather(*tasks)
        with pytest.raises(UnavailableError):
            await writer.submit(entry())

    asyncio.run(use())
    assert sum(len(batch) for batch in disk.batches) == 5
