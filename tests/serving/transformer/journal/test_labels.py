"""Labelled rows as the retraining trigger asks for them."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest

from components.contract.errors import InputError
from serving.transformer.journal import commands
from serving.transformer.journal.journal import Journal
from serving.transformer.journal.labels import count_labels, labelled_rows
from serving.transformer.journal.moments import moment
from serving.transformer.journal.settings import JournalSettings
from tests.serving.transformer.journal.answers import MODEL, answered, opened

OTHER = dataclasses.replace(MODEL, version="4", bundle_digest="cd" * 32)


def fill(settings: JournalSettings) -> None:
    """Three answers of one bundle and two of another; one of each is left without a label."""

    async def use(journal: Journal) -> None:
        for given in (
            answered(["a", "b", "c"], "ada"),
            answered(["d", "e"], "bob", model=OTHER),
        ):
            await journal.record(given)
            for identity in given.ids[1:]:
                await journal.feedback(identity, "negative")

    with opened(settings) as journal:
        asyncio.run(use(journal))


def test_labels_are_counted_by_bundle_and_time(settings: JournalSettings) -> None:
    before = moment("1m")
    fill(settings)
    assert count_labels(settings, MODEL.bundle_digest, before) == 2
    assert count_labels(settings, OTHER.bundle_digest, before) == 1
    assert count_labels(settings, "ef" * 32, before) == 0
    assert count_labels(settings, MODEL.bundle_digest, moment("0m") + 60_000_000) == 0


def test_rows_come_with_the_bundle_that_answered(settings: JournalSettings) -> None:
    fill(settings)
    later = moment("0m") + 60_000_000
    rows = [(r.text, r.label, r.model.bundle_digest) for r in labelled_rows(settings, later)]
    assert rows == [
        ("b", "negative", MODEL.bundle_digest),
        ("c", "negative", MODEL.bundle_digest),
        ("e", "negative", OTHER.bundle_digest),
    ]
    assert list(labelled_rows(settings, moment("1m"))) == []


def test_what_was_erased_neither_counts_nor_comes(settings: JournalSettings) -> None:
    fill(settings)
    commands.erase("ada", settings.url, settings.keys)
    assert count_labels(settings, MODEL.bundle_digest, 0) == 0
    assert [r.text for r in labelled_rows(settings, moment("0m") + 60_000_000)] == ["e"]


def test_a_journal_that_is_not_there_is_no_empty_one(tmp_path: Path, keys: Path) -> None:
    missing = JournalSettings(str(tmp_path / "missing.db"), str(keys))
    with pytest.raises(InputError):
        count_labels(missing, MODEL.bundle_digest, 0)
    with pytest.raises(InputError):
        next(labelled_rows(missing, 0))
