"""`tamis journal …`: what an operator does to a journal; each opens it, acts and closes it.

A command never makes a journal: a mistyped path is an error.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from serving.transformer.journal import erasure, rotation, settling
from serving.transformer.journal import export as exporting
from serving.transformer.journal import status as counting
from serving.transformer.journal.database import Database
from serving.transformer.journal.keyring import add_key
from serving.transformer.journal.moments import moment
from serving.transformer.journal.reading import Selection
from serving.transformer.journal.settings import JournalSettings

DEFAULTS = JournalSettings()


def export(
    out: Path,
    since: str = "",
    until: str = "",
    model: str = "",
    url: str = DEFAULTS.url,
    keys: str = DEFAULTS.keys,
) -> exporting.ExportReport:
    """Write labelled texts for `tamis run --data OUT --text-column text --label-column label`.

    Args:
        out: A file whose name ends in `.jsonl`.
        since: Predictions not before this time; empty for all. Times are as `moment` takes them.
        until: Predictions before this time; empty for all.
        model: A model's name, or `name/version`; empty for all.
        url: The journal.
        keys: Its key file or mounted secret.

    Returns:
        Counts.

    Raises:
        TamisError: As `export.export`; `bad_time`.
    """
    selection = Selection(moment(since) if since else None, moment(until) if until else None, model)
    with _opened(url, keys) as database:
        return exporting.export(database, out, selection)


def erase(
    subject: str, url: str = DEFAULTS.url, keys: str = DEFAULTS.keys
) -> erasure.ErasureReport:
    """Delete a subject's texts and every trace of who the subject was.

    Args:
        subject: The `sub` of the subject's tokens.
        url: The journal.
        keys: Its key file or mounted secret.

    Returns:
        Counts; zeros when the journal knows no such subject.

    Raises:
        TamisError: As `erasure.erase`.
    """
    with _opened(url, keys) as database:
        return erasure.erase(database, subject)


def prune(
    older_than: str, url: str = DEFAULTS.url, keys: str = DEFAULTS.keys
) -> erasure.ErasureReport:
    """Delete predictions and their feedback once they are old.

    Args:
        older_than: An age (`90d`) or a time.
        url: The journal.
        keys: Its key file or mounted secret.

    Returns:
        Counts.

    Raises:
        TamisError: As `erasure.prune`; `bad_time`.
    """
    before = moment(older_than)
    with _opened(url, keys) as database:
        return erasure.prune(database, before)


def rotate(url: str = DEFAULTS.url, keys: str = DEFAULTS.keys) -> rotation.RotationReport:
    """Seal everything anew under a new key; called again after a kill it goes on.

    A key file gets its new key here. A mounted secret's is added and made active by whoever
    manages it, before this is called.

    Args:
        url: The journal.
        keys: Its key file or mounted secret.

    Returns:
        Counts, and the keys that may be taken out of the ring now.

    Raises:
        TamisError: As `rotation.rotate`.
    """
    with _opened(url, keys) as database:
        if not rotation.unfinished(database) and not Path(keys).is_dir():
            add_key(Path(keys))
            database.reload_keys()
        return rotation.rotate(database)


def compact(url: str = DEFAULTS.url, keys: str = DEFAULTS.keys) -> None:
    """Rewrite the journal without its unused parts; servers wait until it is done.

    Args:
        url: The journal.
        keys: Its key file or mounted secret.

    Raises:
        TamisError: As `settling.compact`.
    """
    with _opened(url, keys) as database:
        settling.compact(database)


def status(url: str = DEFAULTS.url, keys: str = DEFAULTS.keys) -> counting.JournalStatus:
    """Count what the journal holds.

    Args:
        url: The journal.
        keys: Its key file or mounted secret.

    Returns:
        Counts.
    """
    with _opened(url, keys) as database:
        return counting.status(database)


@contextlib.contextmanager
def _opened(url: str, keys: str) -> Iterator[Database]:
    database = Database.open(JournalSettings(url, keys))
    try:
        yield database
    finally:
        database.engine.dispose()
