"""Putting many predictions into the table, by each database's quickest way.

SQLAlchemy compiles a dictionary of parameters for every row, which costs more than all the rest of
a record; here the driver gets tuples. Of the ways that were measured, SQLite's quickest is
`executemany` (14 us a row; one statement of many VALUES takes 18), PostgreSQL's is COPY (8 us a
row of 32; `executemany` takes 22).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from serving.transformer.journal.schema import PREDICTIONS

COLUMNS = tuple(column.name for column in PREDICTIONS.columns if column.name != "number")
Row = tuple[Any, ...]
"""A prediction's values in the order of `COLUMNS`."""

_LISTED = ", ".join(f'"{name}"' for name in COLUMNS)
_MARKS = ", ".join("?" * len(COLUMNS))


def insert_predictions(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert rows in the connection's transaction; all or none.

    Args:
        connection: In a transaction.
        rows: One or more rows.
    """
    _INSERTS[connection.dialect.name](connection, rows)


def _executemany(connection: Connection, rows: Sequence[Row]) -> None:
    connection.exec_driver_sql(
        f"INSERT INTO predictions ({_LISTED}) VALUES ({_MARKS})",  # noqa: S608 - our own names
        list(rows),
    )


def _copy(connection: Connection, rows: Sequence[Row]) -> None:
    statement = f"COPY predictions ({_LISTED}) FROM STDIN"
    dialect = connection.dialect
    driver = dialect.loaded_dbapi.Error
    try:
        cursor: Any = connection.connection.cursor()  # psycopg's, which SQLAlchemy's type hides
        with cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except driver as error:  # past SQLAlchemy, which would have told a lost connection
        lost = dialect.is_disconnect(error, connection.connection, None)
        raise DBAPIError.instance(
            statement, None, error, driver, True, lost, dialect, None
        ) from error


_INSERTS: dict[str, Callable[[Connection, Sequence[Row]], None]] = {
    "sqlite": _executemany,
    "postgresql": _copy,
}
