"""The journal as a server uses it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol, cast

from prometheus_client import CollectorRegistry

from serving.transformer.journal.entry import (
    Entry,
    Feedback,
    FeedbackResult,
    Outcome,
    Recording,
)
from serving.transformer.journal.errors import OverloadError, UnavailableError
from serving.transformer.journal.metrics import JournalMetrics
from serving.transformer.journal.settings import JournalSettings
from serving.transformer.journal.store_process import StoreProcess
from serving.transformer.journal.writer import GroupCommitWriter
from serving.transformer.prediction import Answered


class Committer(Protocol):
    """Where entries go; `StoreProcess` is one."""

    async def commit(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        """Write entries durably; what became of each."""
        ...

    def close(self) -> None:
        """Close what it has opened."""
        ...


class Journal:
    """Keeps predictions and feedback, from one event loop.

    Args:
        store: Where they go; `close` closes it.
        waiting_rows: Rows that may wait to be written.
        registry: Where its metrics are registered.
    """

    def __init__(self, store: Committer, waiting_rows: int, registry: CollectorRegistry) -> None:
        self._store = store
        self._writer = GroupCommitWriter(self._commit, waiting_rows)
        self._metrics = JournalMetrics(registry, lambda: self._writer.waiting_rows)

    @classmethod
    def open(cls, settings: JournalSettings, registry: CollectorRegistry) -> Journal:
        """Open a journal, made when missing, in a process of its own.

        Args:
            settings: Where it is and where its keys are.
            registry: Where its metrics are registered.

        Returns:
            The journal; `close` it.

        Raises:
            TamisError: As `StoreProcess.open`.
        """
        store = StoreProcess(settings)
        store.open()
        return cls(store, settings.waiting_rows, registry)

    async def record(self, answered: Answered) -> None:
        """Keep predictions; returns when a killed process would not lose them.

        Committed to SQLite's write-ahead log with `synchronous=NORMAL` they survive the death of
        the process, not that of the machine; `JournalSettings.synchronous` asks for more.

        Args:
            answered: The texts and what the model said.

        Raises:
            OverloadError: `journal_full`, at once, when too much waits.
            UnavailableError: `journal_unavailable`; nothing is known to be kept.
        """
        if answered.ids:
            await self._submit(recording_of(answered))

    async def feedback(self, prediction: str, label: str, subject: str = "") -> FeedbackResult:
        """Keep a prediction's true label; durable when it returns, as `record`.

        Args:
            prediction: The prediction's id.
            label: Its true label, one of the model's.
            subject: Who says so.

        Returns:
            Whether the prediction was right.

        Raises:
            UnknownPredictionError: `unknown_prediction`.
            UnknownLabelError: `unknown_label`.
            FeedbackConflictError: `feedback_given`: the first counts, even when both agree.
            OverloadError: As `record`.
            UnavailableError: As `record`.
        """
        result = await self._submit(Feedback(prediction, label, subject, _now()))
        return cast(FeedbackResult, result)

    async def close(self) -> None:
        """Write what waits and close the database."""
        await self._writer.close()
        self._store.close()

    async def _submit(self, entry: Entry) -> FeedbackResult | None:
        try:
            return await self._writer.submit(entry)
        except OverloadError:
            self._metrics.refusals.inc()
            raise

    async def _commit(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        started = time.perf_counter()
        outcomes = await self._store.commit(entries)
        self._metrics.commit_seconds.observe(time.perf_counter() - started)
        kept = failed = 0
        for entry, outcome in zip(entries, outcomes, strict=True):
            if isinstance(outcome, FeedbackResult):
                self._metrics.feedback.labels(str(outcome.correct).lower()).inc()
            elif outcome is None:
                kept += entry.rows
            elif isinstance(outcome, UnavailableError):
                failed += 1
        self._metrics.predictions.inc(kept)
        self._metrics.failures.inc(failed)
        return outcomes


def recording_of(answered: Answered) -> Recording:
    """A request's predictions as plain values, made now."""
    return Recording(
        _now(),
        answered.subject,
        answered.model,
        answered.labels,
        answered.ids,
        answered.texts,
        [answered.labels[column] for column in answered.best],
        answered.scores,
        answered.tokens.tolist(),
        answered.truncated.tolist(),
    )


def _now() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1_000
