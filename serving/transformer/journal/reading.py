"""Labelled predictions, decrypted and checked, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, false

from serving.transformer.journal.database import Database, answering
from serving.transformer.journal.engine import reading
from serving.transformer.journal.schema import FEEDBACK, MODELS, PREDICTIONS
from serving.transformer.journal.stored import (
    model_of,
    open_feedback,
    open_prediction,
    stored_feedback,
    stored_predictions,
)
from serving.transformer.journal.vault import Vault, altered
from serving.transformer.model_identity import ModelIdentity

PAGE_ROWS = 1_000
"""Rows read in one short transaction: a long one would keep SQLite's log from shrinking."""


@dataclass(frozen=True)
class Labelled:
    """A prediction with its feedback.

    Attributes:
        prediction: Its id.
        text: What was asked about.
        label: The true label.
        predicted: The label that the model gave.
        score: Its probability.
        time: When it was predicted, microseconds since 1970, UTC.
        model: Which model gave it.
    """

    prediction: str
    text: str
    label: str
    predicted: str
    score: float
    time: int
    model: ModelIdentity


@dataclass(frozen=True)
class Selection:
    """Which predictions are meant.

    Attributes:
        since: Not before, microseconds since 1970, UTC; None for any.
        until: Before, likewise.
        model: A model's name, or `name/version`; empty for any.
    """

    since: int | None = None
    until: int | None = None
    model: str = ""


def read_labelled(database: Database, selection: Selection) -> Iterator[Labelled]:
    """Labelled predictions in the order they were made; those whose text was erased are left out.

    Args:
        database: The journal.
        selection: Which of them.

    Yields:
        Each, its page having been read in one transaction.

    Raises:
        IntegrityError: `record_altered`, naming the first record that is not what was stored.
    """
    last = 0
    while True:
        with answering(), reading(database.engine) as connection:
            rows = connection.execute(_page(selection, last)).all()
            numbers = [row.number for row in rows]
            given = connection.execute(stored_feedback().where(FEEDBACK.c.prediction.in_(numbers)))
            feedback = {row.prediction: row for row in given}
        for row in rows:
            if row.number not in feedback:  # the two queries disagree: an index is damaged
                raise altered(row.id)
            yield _open(row, feedback[row.number], database.vault)
        if len(rows) < PAGE_ROWS:
            return
        last = numbers[-1]


def _page(selection: Selection, last: int) -> Select[Any]:
    query = (
        stored_predictions()
        .join(FEEDBACK, FEEDBACK.c.prediction == PREDICTIONS.c.number)
        .where(FEEDBACK.c.prediction > last)
        .order_by(FEEDBACK.c.prediction)
        .limit(PAGE_ROWS)
    )
    if selection.since is not None:
        query = query.where(PREDICTIONS.c.time >= selection.since)
    if selection.until is not None:
        query = query.where(PREDICTIONS.c.time < selection.until)
    if selection.model:
        name, slash, version = selection.model.rpartition("/")
        of_version = (MODELS.c.name == name) & (MODELS.c.version == version)
        query = query.where((MODELS.c.name == selection.model) | (of_version if slash else false()))
    return query


def _open(row: Any, feedback: Any, vault: Vault) -> Labelled:
    text = open_prediction(row, vault).text
    open_feedback(feedback, vault)  # authenticates the label
    return Labelled(row.id, text, feedback.label, row.label, row.score, row.time, model_of(row))
