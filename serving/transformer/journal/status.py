"""What a journal holds, for an operator."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from serving.transformer.journal.database import Database, answering
from serving.transformer.journal.engine import reading
from serving.transformer.journal.export import iso
from serving.transformer.journal.schema import FEEDBACK, KEYS, PREDICTIONS, RETIRED
from serving.transformer.journal.vault import SEALS_PER_KEY


@dataclass(frozen=True)
class JournalStatus:
    """What a journal holds.

    Attributes:
        predictions: Rows.
        erased: Of those, rows whose text was erased.
        feedback: Rows with feedback.
        correct: Of those, predictions that were right.
        oldest: Time of the first prediction, ISO 8601; empty when there is none.
        newest: Time of the last.
        active_key: The key that seals.
        keys_in_use: Keys that records may be sealed with.
        key_used: Share of the active key's encryptions that is spent; rotate well before 1.
    """

    predictions: int
    erased: int
    feedback: int
    correct: int
    oldest: str
    newest: str
    active_key: str
    keys_in_use: tuple[str, ...]
    key_used: float


def status(database: Database) -> JournalStatus:
    """Count a journal's rows."""
    times = func.min(PREDICTIONS.c.time), func.max(PREDICTIONS.c.time)
    with answering(), reading(database.engine) as connection:
        total, sealed, oldest, newest = connection.execute(
            select(func.count(), func.count(PREDICTIONS.c.sealed), *times).select_from(PREDICTIONS)
        ).one()
        feedback = connection.execute(select(func.count()).select_from(FEEDBACK)).scalar_one()
        correct = connection.execute(
            select(func.count()).select_from(FEEDBACK).where(FEEDBACK.c.correct)
        ).scalar_one()
        keys = connection.execute(select(KEYS).where(KEYS.c.state != RETIRED)).all()
    active = database.vault.active
    return JournalStatus(
        total,
        total - sealed,
        feedback,
        correct,
        "" if oldest is None else iso(oldest),
        "" if newest is None else iso(newest),
        active,
        tuple(sorted(key.id for key in keys)),
        next((key.seals / SEALS_PER_KEY for key in keys if key.id == active), 0.0),
    )
