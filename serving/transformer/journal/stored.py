"""Rows as they are stored, and what is in them once opened."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from serving.transformer.journal.records import (
    Content,
    authentic,
    bind_feedback,
    bind_prediction,
    model_digest,
)
from serving.transformer.journal.schema import FEEDBACK, MODELS, PREDICTIONS
from serving.transformer.journal.vault import Sealed, Vault
from serving.transformer.model_identity import ModelIdentity


def stored_predictions() -> Select[Any]:
    """Predictions whose text was not erased, each with its model."""
    return (
        select(PREDICTIONS, MODELS.c.name, MODELS.c.version, MODELS.c.bundle_digest)
        .join(MODELS, MODELS.c.number == PREDICTIONS.c.model)
        .where(PREDICTIONS.c.sealed.is_not(None))
    )


def stored_feedback() -> Select[Any]:
    """Feedback, each with its prediction's id as `id`."""
    return select(FEEDBACK, PREDICTIONS.c.id).join(
        PREDICTIONS, PREDICTIONS.c.number == FEEDBACK.c.prediction
    )


def model_of(row: Any) -> ModelIdentity:
    """The model of a row of `stored_predictions`."""
    return ModelIdentity(row.name, row.version, row.bundle_digest)


def bound_prediction(row: Any) -> bytes:
    """The associated data of a row of `stored_predictions`; `IntegrityError` as `authentic`."""
    with authentic(row.id):
        return bind_prediction(
            row.id,
            model_digest(model_of(row)),
            row.time,
            row.label,
            row.score,
            row.tokens,
            row.truncated,
        )


def bound_feedback(row: Any) -> bytes:
    """The associated data of a row of `stored_feedback`; `IntegrityError` as `authentic`."""
    with authentic(row.id):
        return bind_feedback(row.id, row.time, row.label, row.correct)


def open_prediction(row: Any, vault: Vault) -> Content:
    """Decrypt and check a row of `stored_predictions`.

    Args:
        row: The row.
        vault: The keys.

    Returns:
        Who asked and about what.

    Raises:
        IntegrityError: `record_altered`.
    """
    sealed = Sealed(row.key, row.nonce, row.sealed)
    return Content.unpack(vault.open(sealed, bound_prediction(row), row.id))


def open_feedback(row: Any, vault: Vault) -> str:
    """Decrypt and check a row of `stored_feedback`.

    Args:
        row: The row.
        vault: The keys.

    Returns:
        Who gave it; empty when nobody said or the subject was erased.

    Raises:
        IntegrityError: `record_altered`.
    """
    sealed = Sealed(row.key, row.nonce, row.sealed)
    opened = vault.open(sealed, bound_feedback(row), row.id)
    return opened.decode("utf-8", "surrogatepass")
