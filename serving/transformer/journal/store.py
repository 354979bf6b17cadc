"""One transaction for many entries: predictions first, then feedback."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import IntegrityError as ConstraintError

from components.contract import logs
from components.contract.errors import TamisError
from serving.transformer.journal.bulk import insert_predictions
from serving.transformer.journal.database import Database, database_error
from serving.transformer.journal.entry import Entry, Feedback, Outcome, Recording
from serving.transformer.journal.errors import UnavailableError
from serving.transformer.journal.judging import judge
from serving.transformer.journal.models import Model, model_row
from serving.transformer.journal.sealing import sealed_rows
from serving.transformer.model_identity import ModelIdentity


class Store:
    """Writes entries durably. Used by one thread.

    Args:
        database: Where to; `close` closes it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._models: dict[ModelIdentity, Model] = {}
        self._committing = False

    def commit(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        """Write entries in one transaction.

        An entry that can't be written fails alone: then each gets a transaction of its own.

        Args:
            entries: What to write.

        Returns:
            What became of each, in their order: None or a `FeedbackResult` when it is durable.
        """
        try:
            return self._attempt(entries)
        except (ConstraintError, DataError, ValueError, TypeError, IndexError) as error:
            if len(entries) > 1:
                return [outcome for entry in entries for outcome in self.commit([entry])]
            logs.LOGGER.exception("journal_refused")
            name = type(error).__name__
            return [UnavailableError("journal_unavailable", f"It can't be kept ({name}).")]
        except TamisError as error:
            # A key that is exhausted or gone is the operator's affair, never the client's.
            logs.event("journal_failed", code=error.code, message=error.message, hint=error.hint)
            failure = UnavailableError("journal_unavailable", error.message, error.hint)
            return [failure] * len(entries)

    def close(self) -> None:
        """Close the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._database.engine.dispose()

    def _attempt(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        for last in (False, True):
            try:
                results = self._write(entries)
            except (ConstraintError, DataError):
                raise
            except DBAPIError as error:
                self._drop_connection()
                # Lost before the commit was sent: surely not written, so it may be tried again.
                # Lost after: nobody knows, and the caller must hear that.
                if last or self._committing or not error.connection_invalidated:
                    raise database_error(error) from error
            else:
                if results is not None:
                    return results
                self._database.reload_keys()  # another process has retired the active key
        raise UnavailableError("journal_unavailable", "The journal's active key was retired.")

    def _write(self, entries: Sequence[Entry]) -> list[Outcome] | None:
        """One transaction; None when the active key may not be written with any more."""
        self._committing = False
        recordings = [entry for entry in entries if isinstance(entry, Recording)]
        feedback = [entry for entry in entries if isinstance(entry, Feedback)]
        self._database.allot(sum(entry.rows for entry in entries))
        connection = self._connect()
        self._learn_models(connection, recordings)
        vault = self._database.vault
        rows = sealed_rows(recordings, self._models, vault)
        with connection.begin() as transaction:
            if not self._database.may_seal(connection):
                return None
            if rows:
                insert_predictions(connection, rows)
            judged = iter(judge(connection, feedback, vault) if feedback else ())
            self._committing = True
            transaction.commit()
        return [next(judged) if isinstance(entry, Feedback) else None for entry in entries]

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = self._database.engine.connect()
        return self._connection

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    def _learn_models(self, connection: Connection, recordings: Sequence[Recording]) -> None:
        for identity, labels in {r.model: r.labels for r in recordings}.items():
            if identity not in self._models:
                with connection.begin():  # of its own, so that a rollback forgets no number
                    self._models[identity] = model_row(connection, identity, labels)
