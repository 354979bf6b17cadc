"""The journal's labelled rows as the retraining trigger asks for them.

The journal is opened for each question: its keys may have been rotated since the last one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sqlalchemy import func, select

from serving.transformer.journal.database import Database, answering
from serving.transformer.journal.engine import reading
from serving.transformer.journal.reading import Labelled, Selection, read_labelled
from serving.transformer.journal.schema import FEEDBACK, MODELS, PREDICTIONS
from serving.transformer.journal.settings import JournalSettings


def count_labels(settings: JournalSettings, bundle_digest: str, since: int) -> int:
    """Labels of texts that a bundle answered; erased texts don't count.

    Args:
        settings: The journal.
        bundle_digest: The bundle.
        since: Only labels given from then on, microseconds since 1970, UTC.

    Returns:
        Their number.

    Raises:
        TamisError: As `Database.open`.
    """
    joined = FEEDBACK.join(PREDICTIONS, FEEDBACK.c.prediction == PREDICTIONS.c.number).join(
        MODELS, MODELS.c.number == PREDICTIONS.c.model
    )
    query = (
        select(func.count())
        .select_from(joined)
        .where(MODELS.c.bundle_digest == bundle_digest)
        .where(FEEDBACK.c.time >= since)
        .where(PREDICTIONS.c.sealed.is_not(None))
    )
    with _opened(settings) as database, answering(), reading(database.engine) as connection:
        return int(connection.execute(query).scalar_one())


def labelled_rows(settings: JournalSettings, until: int) -> Iterator[Labelled]:
    """Labelled rows of texts that were answered before a time.

    Args:
        settings: The journal.
        until: Microseconds since 1970, UTC.

    Yields:
        Rows, as they are read.

    Raises:
        TamisError: As `Database.open` and `read_labelled`.
    """
    with _opened(settings) as database:
        yield from read_labelled(database, Selection(until=until))


@contextlib.contextmanager
def _opened(settings: JournalSettings) -> Iterator[Database]:
    database = Database.open(settings)
    try:
        yield database
    finally:
        database.engine.dispose()
