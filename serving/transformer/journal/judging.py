"""Feedback: only of predictions that were issued, only with labels that the model knows, once."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from components.contract.errors import TamisError
from serving.transformer.journal.engine import insert_unless_there
from serving.transformer.journal.entry import Feedback, FeedbackResult
from serving.transformer.journal.errors import (
    FeedbackConflictError,
    UnknownLabelError,
    UnknownPredictionError,
)
from serving.transformer.journal.records import bind_feedback
from serving.transformer.journal.schema import FEEDBACK, MODELS, PREDICTIONS
from serving.transformer.journal.vault import Vault
from serving.transformer.model_identity import ModelIdentity

LABELS_NAMED = 20
"""Labels that a refusal lists; a client with thousands has them from the model's metadata."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What `new_ids` makes, and room to grow; nothing else needs looking up."""


def judge(
    connection: Connection, entries: Sequence[Feedback], vault: Vault
) -> list[FeedbackResult | TamisError]:
    """Keep feedback in the connection's transaction.

    Args:
        connection: In a transaction.
        entries: Feedback, in the order of arrival: of two about one prediction the first counts.
        vault: The keys.

    Returns:
        What became of each: kept, or `UnknownPredictionError`, `UnknownLabelError`,
        `FeedbackConflictError`.
    """
    found = _find(connection, {e.prediction for e in entries if _ID.fullmatch(e.prediction)})
    results: list[FeedbackResult | TamisError | None] = [None] * len(entries)
    # In the order of the rows' numbers: two processes that judge the same predictions wait for
    # each other instead of deadlocking. Sorting keeps the order of arrival of equal ones.
    order = sorted(
        range(len(entries)),
        key=lambda i: found[entries[i].prediction].number if entries[i].prediction in found else 0,
    )
    for position in order:
        entry = entries[position]
        results[position] = _judge(connection, entry, found.get(entry.prediction), vault)
    return [result for result in results if result is not None]


def _find(connection: Connection, ids: set[str]) -> dict[str, Any]:
    query = (
        select(
            PREDICTIONS.c.number,
            PREDICTIONS.c.id,
            PREDICTIONS.c.label,
            MODELS.c.name,
            MODELS.c.version,
            MODELS.c.bundle_digest,
            MODELS.c.labels,
        )
        .join(MODELS, MODELS.c.number == PREDICTIONS.c.model)
        .where(PREDICTIONS.c.id.in_(ids))
    )
    return {row.id: row for row in connection.execute(query)} if ids else {}


def _judge(
    connection: Connection, entry: Feedback, row: Any, vault: Vault
) -> FeedbackResult | TamisError:
    if row is None:
        return UnknownPredictionError(
            "unknown_prediction", f"No prediction has the id {entry.prediction[:64]!r}."
        )
    labels = json.loads(row.labels)
    if entry.label not in labels:
        return UnknownLabelError(
            "unknown_label",
            f"The model has no label {entry.label[:64]!r}.",
            f"Known: {', '.join(labels[:LABELS_NAMED])}{', …' * (len(labels) > LABELS_NAMED)}.",
        )
    correct = entry.label == row.label
    associated = bind_feedback(entry.prediction, entry.time, entry.label, correct)
    (sealed,) = vault.seal([(entry.subject.encode("utf-8", "surrogatepass"), associated)])
    kept = connection.execute(
        insert_unless_there(connection, FEEDBACK)
        .values(
            prediction=row.number,
            time=entry.time,
            label=entry.label,
            correct=correct,
            subject=vault.pseudonym(entry.subject),
            key=sealed.key,
            nonce=sealed.nonce,
            sealed=sealed.data,
        )
        .returning(FEEDBACK.c.prediction)  # drivers don't agree on what rows an INSERT counts
    )
    if kept.first() is None:
        return FeedbackConflictError(
            "feedback_given", f"The prediction {entry.prediction!r} has its feedback already."
        )
    model = ModelIdentity(row.name, row.version, row.bundle_digest)
    return FeedbackResult(entry.prediction, row.label, entry.label, correct, model)
