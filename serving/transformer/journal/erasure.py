"""Forgetting: a subject's texts on request, everyone's after a while."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update

from components.contract.errors import IntegrityError
from serving.transformer.journal.database import Database, answering
from serving.transformer.journal.engine import PAUSE_S
from serving.transformer.journal.schema import FEEDBACK, PREDICTIONS
from serving.transformer.journal.settling import settle
from serving.transformer.journal.stored import bound_feedback, open_feedback, stored_feedback

ROWS_AT_ONCE = 1_000
"""Rows changed in one transaction: about 20 ms, what a server's requests may have to wait."""


@dataclass(frozen=True)
class ErasureReport:
    """What was forgotten.

    Attributes:
        predictions: Predictions whose text and subject are gone.
        feedback: Feedback whose subject is gone.
    """

    predictions: int
    feedback: int


def erase(database: Database, subject: str) -> ErasureReport:
    """Delete a subject's texts and every trace of who the subject was.

    The rows stay, for counts, with label and score but without text and subject; so does feedback
    that the subject gave, without saying who gave it. Requests that are under way may still add
    rows: end the subject's access first.

    Args:
        database: The journal.
        subject: The subject, as its tokens say it.

    Returns:
        Counts.

    Raises:
        TamisError: `not_settled` as `settle`.
    """
    vault = database.vault
    pseudonyms = [vault.pseudonym(subject, key) for key in sorted(vault.key_ids)]
    predictions = feedback = 0
    with answering():
        while changed := _erase_predictions(database, pseudonyms):
            predictions += changed
            time.sleep(PAUSE_S)
        while changed := _erase_feedback(database, pseudonyms):
            feedback += changed
            time.sleep(PAUSE_S)
    settle(database)
    return ErasureReport(predictions, feedback)


def prune(database: Database, before: int) -> ErasureReport:
    """Delete predictions and their feedback once they are old.

    Args:
        database: The journal.
        before: Predictions made before this go: microseconds since 1970, UTC.

    Returns:
        Rows deleted.

    Raises:
        TamisError: `not_settled` as `settle`.
    """
    predictions = feedback = 0
    old = select(PREDICTIONS.c.number).where(PREDICTIONS.c.time < before).limit(ROWS_AT_ONCE)
    with answering():
        while True:
            with database.engine.begin() as connection:
                numbers = list(connection.execute(old).scalars())
                feedback += connection.execute(
                    delete(FEEDBACK).where(FEEDBACK.c.prediction.in_(numbers))
                ).rowcount
                predictions += connection.execute(
                    delete(PREDICTIONS).where(PREDICTIONS.c.number.in_(numbers))
                ).rowcount
            if len(numbers) < ROWS_AT_ONCE:
                break
            time.sleep(PAUSE_S)
    settle(database)
    return ErasureReport(predictions, feedback)


def _erase_predictions(database: Database, pseudonyms: Sequence[bytes]) -> int:
    some = (
        select(PREDICTIONS.c.number)
        .where(PREDICTIONS.c.subject.in_(pseudonyms))
        .limit(ROWS_AT_ONCE)
    )
    with database.engine.begin() as connection:
        return connection.execute(
            update(PREDICTIONS)
            .where(PREDICTIONS.c.number.in_(some.scalar_subquery()))
            .values(subject=None, key=None, nonce=None, sealed=None)
        ).rowcount


def _erase_feedback(database: Database, pseudonyms: Sequence[bytes]) -> int:
    """Seal up to `ROWS_AT_ONCE` rows anew around no subject; one that was altered goes whole."""
    database.allot(ROWS_AT_ONCE)
    with database.engine.begin() as connection:
        rows = connection.execute(
            stored_feedback().where(FEEDBACK.c.subject.in_(pseudonyms)).limit(ROWS_AT_ONCE)
        ).all()
        for row in rows:
            mine = FEEDBACK.c.prediction == row.prediction
            try:
                open_feedback(row, database.vault)
            except IntegrityError:
                connection.execute(delete(FEEDBACK).where(mine))
                continue
            (sealed,) = database.vault.seal([(b"", bound_feedback(row))])
            connection.execute(
                update(FEEDBACK)
                .where(mine)
                .values(subject=None, key=sealed.key, nonce=sealed.nonce, sealed=sealed.data)
            )
    return len(rows)
