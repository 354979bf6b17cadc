"""Labelled predictions back to ingest: JSON Lines, written lazily, published whole."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from components.contract.artifact import storage_error
from components.contract.errors import InputError
from serving.transformer.journal.database import Database
from serving.transformer.journal.reading import Labelled, Selection, read_labelled

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ExportReport:
    """What was exported.

    Attributes:
        rows: Labelled texts written.
        correct: Of those, predictions that were right.
        path: Where they are.
    """

    rows: int
    correct: int
    path: str


def export(database: Database, out: Path, selection: Selection) -> ExportReport:
    """Write labelled texts to a file that `tamis run --data` reads.

    A line is an object of `text`, `label` (the true one), `predicted`, `score`, `time` (ISO 8601,
    UTC), `model`, `model_version`, `bundle_digest` and `id`. The file is plain text again: it is
    readable by its owner alone.

    Args:
        database: The journal.
        out: The file; an older one there is replaced when the new one is whole.
        selection: Which predictions.

    Returns:
        Counts.

    Raises:
        InputError: `nothing_labelled` when there is no such row; the file is left as it is.
        IntegrityError: As `read_labelled`.
        TamisError: `disk_full` or `not_writable`.
    """
    draft = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            report = _write(stream, read_labelled(database, selection), out)
            stream.flush()
            os.fsync(stream.fileno())
        if report.rows == 0:
            raise InputError("nothing_labelled", "No prediction with feedback matches.")
        draft.replace(out)
    except OSError as error:
        raise storage_error(error, out) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
    return report


def iso(microseconds: int) -> str:
    """A time as ISO 8601 writes it, UTC, to the microsecond."""
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat()


def _write(stream: IO[bytes], rows: Iterable[Labelled], out: Path) -> ExportReport:
    count = correct = 0
    for row in rows:
        line = {
            "text": row.text,
            "label": row.label,
            "predicted": row.predicted,
            "score": row.score,
            "time": iso(row.time),
            "model": row.model.name,
            "model_version": row.model.version,
            "bundle_digest": row.model.bundle_digest,
            "id": row.prediction,
        }
        stream.write(json.dumps(line).encode() + b"\n")  # ASCII: lone surrogates stay what they are
        count += 1
        correct += row.label == row.predicted
    return ExportReport(count, correct, str(out))
