"""Answers as a predictor would give them, for journal tests; and a journal around a block."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from prometheus_client import CollectorRegistry

from serving.transformer.identity import new_ids
from serving.transformer.journal.database import Database
from serving.transformer.journal.entry import Entry, Outcome
from serving.transformer.journal.journal import Journal
from serving.transformer.journal.records import Content
from serving.transformer.journal.settings import JournalSettings
from serving.transformer.journal.store import Store
from serving.transformer.journal.stored import open_prediction, stored_predictions
from serving.transformer.model_identity import ModelIdentity
from serving.transformer.prediction import Answered

MODEL = ModelIdentity("tamis", "3", "ab" * 32)
LABELS = ("negative", "positive")


def answered(
    texts: Sequence[str],
    subject: str = "ada@example.org",
    positive: Sequence[float] | None = None,
    model: ModelIdentity = MODEL,
    ids: Sequence[str] | None = None,
) -> Answered:
    """Answers about texts; `positive` are probabilities of the second label, 0.75 by default."""
    n = len(texts)
    second = np.array([0.75] * n if positive is None else positive, np.float32)
    return Answered(
        list(islice(new_ids(), len(texts))) if ids is None else ids,
        texts,
        subject,
        model,
        LABELS,
        np.stack([1 - second, second], axis=1) if n else np.zeros((0, 2), np.float32),
        np.arange(n, dtype=np.int64) + 5,
        np.arange(n) % 2 == 1,
        None,
    )


class InThread:
    """A store in this process, which a test need not wait for to start."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def commit(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        return await asyncio.to_thread(self._store.commit, entries)

    def close(self) -> None:
        self._store.close()


@contextlib.contextmanager
def opened(
    settings: JournalSettings, registry: CollectorRegistry | None = None
) -> Iterator[Journal]:
    """An open journal without a process of its own, closed at the end."""
    store = Store(Database.open(settings, create=True))
    try:
        yield Journal(InThread(store), settings.waiting_rows, registry or CollectorRegistry())
    finally:
        store.close()


@contextlib.contextmanager
def database(settings: JournalSettings, create: bool = False) -> Iterator[Database]:
    """A journal's database, closed at the end."""
    opened = Database.open(settings, create)
    try:
        yield opened
    finally:
        opened.engine.dispose()


def contents(settings: JournalSettings) -> dict[str, Content]:
    """Every prediction that was not erased, opened, by its id."""
    with database(settings) as reader, reader.engine.begin() as connection:
        rows = connection.execute(stored_predictions()).all()
        return {row.id: open_prediction(row, reader.vault) for row in rows}


def keep(settings: JournalSettings, *batches: Answered) -> None:
    """Record answers in a journal of their own session."""

    async def record(journal: Journal) -> None:
        for batch in batches:
            await journal.record(batch)

    with opened(settings) as journal:
        asyncio.run(record(journal))


def judge(settings: JournalSettings, ids: Sequence[str], subject: str = "grace") -> None:
    """Say `positive` of predictions."""

    async def say(journal: Journal) -> None:
        await asyncio.gather(*(journal.feedback(name, "positive", subject) for name in ids))

    with opened(settings) as journal:
        asyncio.run(say(journal))
