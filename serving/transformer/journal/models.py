"""The models that predictions were made by: a row each, numbered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from serving.transformer.journal.engine import insert_unless_there
from serving.transformer.journal.records import model_digest
from serving.transformer.journal.schema import MODELS
from serving.transformer.model_identity import ModelIdentity


@dataclass(frozen=True)
class Model:
    """A model as rows name it.

    Attributes:
        number: Its row.
        digest: What its records are bound to, as `model_digest` makes it.
    """

    number: int
    digest: bytes


def model_row(connection: Connection, identity: ModelIdentity, labels: Sequence[str]) -> Model:
    """The row of a model; made if there is none.

    Args:
        connection: In a transaction.
        identity: The model.
        labels: The labels that it knows.

    Returns:
        The model.
    """
    connection.execute(
        insert_unless_there(connection, MODELS).values(
            name=identity.name,
            version=identity.version,
            bundle_digest=identity.bundle_digest,
            labels=json.dumps(list(labels)),
        )
    )
    number = connection.execute(
        select(MODELS.c.number).where(
            MODELS.c.name == identity.name,
            MODELS.c.version == identity.version,
            MODELS.c.bundle_digest == identity.bundle_digest,
        )
    ).scalar_one()
    return Model(number, model_digest(identity))


def read_models(connection: Connection) -> dict[int, tuple[ModelIdentity, tuple[str, ...]]]:
    """Every model by its number, with its labels."""
    return {
        row.number: (
            ModelIdentity(row.name, row.version, row.bundle_digest),
            tuple(json.loads(row.labels)),
        )
        for row in connection.execute(select(MODELS))
    }
