"""Rotation: everything sealed anew under the active key, older keys retired."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, Update, bindparam, select, update

from serving.transformer.journal.database import Database, answering
from serving.transformer.journal.engine import PAUSE_S
from serving.transformer.journal.records import pack_content
from serving.transformer.journal.schema import (
    FEEDBACK,
    IN_USE,
    KEYS,
    PREDICTIONS,
    RETIRED,
    RETIRING,
)
from serving.transformer.journal.stored import (
    bound_feedback,
    bound_prediction,
    open_feedback,
    open_prediction,
    stored_feedback,
    stored_predictions,
)
from serving.transformer.journal.vault import Sealed

ROWS_AT_ONCE = 500
"""Rows sealed anew in one transaction: about 20 ms, what a server's requests may have to wait."""


@dataclass(frozen=True)
class RotationReport:
    """What a rotation did.

    Attributes:
        active: The key that all records are sealed with now.
        predictions: Predictions sealed anew by this call; a call that goes on after a kill
            counts only the rest.
        feedback: Feedback likewise.
        retired: Keys that no record needs any more and that may be taken out of the ring.
    """

    active: str
    predictions: int
    feedback: int
    retired: tuple[str, ...]


def unfinished(database: Database) -> tuple[str, ...]:
    """Keys besides the active one that records may still be sealed with."""
    query = select(KEYS.c.id).where(KEYS.c.id != database.vault.active, KEYS.c.state != RETIRED)
    with answering(), database.engine.begin() as connection:
        return tuple(sorted(connection.execute(query).scalars()))


def rotate(database: Database) -> RotationReport:
    """Seal every record of an older key anew under the active one; a kill loses no work done.

    Servers whose active key this retires read their key ring again and go on with its new one:
    in a cluster the new key must have reached them first.

    Args:
        database: The journal, opened with a ring that holds old and new keys.

    Returns:
        Counts.

    Raises:
        IntegrityError: `record_altered`, naming the first record that doesn't open.
    """
    old = unfinished(database)
    with answering():
        with database.engine.begin() as connection:
            # From here on nobody seals with them: one pass finds every record of theirs.
            connection.execute(
                update(KEYS)
                .where(KEYS.c.id.in_(old), KEYS.c.state == IN_USE)
                .values(state=RETIRING)
            )
        predictions = _pass(database, _reseal_predictions)
        feedback = _pass(database, _reseal_feedback)
        with database.engine.begin() as connection:
            connection.execute(update(KEYS).where(KEYS.c.id.in_(old)).values(state=RETIRED))
    return RotationReport(database.vault.active, predictions, feedback, old)


def _pass(
    database: Database, reseal: Callable[[Database, Connection, int], tuple[int, int]]
) -> int:
    """Go through a table in its rows' order; the count of rows sealed anew."""
    last, total = 0, 0
    while True:
        database.allot(ROWS_AT_ONCE)
        with database.engine.begin() as connection:
            count, last = reseal(database, connection, last)
        total += count
        if count < ROWS_AT_ONCE:
            return total
        time.sleep(PAUSE_S)


def _reseal_predictions(database: Database, connection: Connection, last: int) -> tuple[int, int]:
    vault = database.vault
    rows = connection.execute(
        stored_predictions()
        .where(PREDICTIONS.c.number > last, PREDICTIONS.c.key != vault.active)
        .order_by(PREDICTIONS.c.number)
        .limit(ROWS_AT_ONCE)
    ).all()
    contents = [open_prediction(row, vault) for row in rows]
    sealed = vault.seal(
        [
            (pack_content(content.subject, content.text), bound_prediction(row))
            for content, row in zip(contents, rows, strict=True)
        ]
    )
    changes = [
        _change(row.number, row.nonce, vault.pseudonym(content.subject), new)
        for row, content, new in zip(rows, contents, sealed, strict=True)
    ]
    if changes:
        connection.execute(_resealed(PREDICTIONS, PREDICTIONS.c.number), changes)
    return len(rows), rows[-1].number if rows else last


def _reseal_feedback(database: Database, connection: Connection, last: int) -> tuple[int, int]:
    vault = database.vault
    rows = connection.execute(
        stored_feedback()
        .where(FEEDBACK.c.prediction > last, FEEDBACK.c.key != vault.active)
        .order_by(FEEDBACK.c.prediction)
        .limit(ROWS_AT_ONCE)
    ).all()
    subjects = [open_feedback(row, vault) for row in rows]
    sealed = vault.seal(
        [
            (subject.encode("utf-8", "surrogatepass"), bound_feedback(row))
            for subject, row in zip(subjects, rows, strict=True)
        ]
    )
    changes = [
        _change(row.prediction, row.nonce, row.subject and vault.pseudonym(subject), new)
        for row, subject, new in zip(rows, subjects, sealed, strict=True)
    ]
    if changes:
        connection.execute(_resealed(FEEDBACK, FEEDBACK.c.prediction), changes)
    return len(rows), rows[-1].prediction if rows else last


def _change(row: int, nonce: bytes, subject: bytes | None, new: Sealed) -> dict[str, Any]:
    return {
        "row": row,
        "old_nonce": nonce,
        "subject": subject,
        "key": new.key,
        "nonce": new.nonce,
        "sealed": new.data,
    }


def _resealed(table: Table, number: ColumnElement[int]) -> Update:
    """Only rows that are still as they were read: a row erased meanwhile must stay erased."""
    return (
        update(table)
        .where(number == bindparam("row"), table.c.nonce == bindparam("old_nonce"))
        .values({name: bindparam(name) for name in ("subject", "key", "nonce", "sealed")})
    )
