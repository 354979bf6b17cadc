"""Labelled texts go back to ingest."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.contract.dataset import Dataset
from components.contract.errors import InputError, IntegrityError, TamisError
from components.ingest.ingest import ingest
from components.ingest.settings import ingest_settings
from components.ingest.sources import open_source
from pipelines import parameters
from serving.transformer.journal import commands, erasure, reading
from serving.transformer.journal.journal import Journal
from serving.transformer.journal.settings import JournalSettings
from serving.transformer.model_identity import ModelIdentity
from serving.transformer.prediction import Answered
from tests.conftest import ROOT, reviews
from tests.serving.transformer.journal.answers import (
    answered,
    database,
    judge,
    keep,
    opened,
)


def exported(settings: JournalSettings, out: Path, **selection: str) -> list[dict[str, object]]:
    commands.export(out, url=settings.url, keys=settings.keys, **selection)
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_ingest_reads_what_was_exported(settings: JournalSettings, tmp_path: Path) -> None:
    import asyncio

    rows = reviews(each=100)
    names = {"0": "negative", "1": "positive"}
    given = answered([text for text, _ in rows])

    async def use(journal: Journal) -> None:
        await journal.record(given)
        pairs = zip(given.ids, rows, strict=True)
        await asyncio.gather(*(journal.feedback(i, names[label]) for i, (_, label) in pairs))

    with opened(settings) as journal:
        asyncio.run(use(journal))
    out = tmp_path / "exported.jsonl"
    report = commands.export(out, url=settings.url, keys=settings.keys)
    assert (report.rows, report.correct, report.path) == (200, 100, str(out))
    chosen = parameters.load(ROOT / "params.yaml", str(out), "text", "label")
    stage = ingest_settings({"source": chosen.source, "ingest": chosen.ingest})
    ingest(open_source(stage.source), tmp_path / "dataset", stage)
    dataset = Dataset.open(tmp_path / "dataset")
    assert dataset.labels == ("negative", "positive")
    read = {
        (text, dataset.labels[label])
        for split in ("train", "validation", "test")
        for batch in dataset.batches(split)
        for text, label in zip(batch.texts, batch.labels, strict=True)
    }
    assert len(read) == 200
    texts = {text for text, _ in read}
    assert sum(text in texts for text, _ in rows) > 190  # ingest normalises the rest
    assert {(t, names[label]) for t, label in rows if t in texts} <= read


def test_a_line_tells_all_that_is_known(settings: JournalSettings, tmp_path: Path) -> None:
    given = answered(['say "hi"\n', "\ud800 电影"], positive=[0.25, 1.0])
    before = datetime.now(UTC)
    keep(settings, given)
    judge(settings, list(given.ids))
    first, second = exported(settings, tmp_path / "out.jsonl")
    assert before <= datetime.fromisoformat(str(first.pop("time"))) <= datetime.now(UTC)
    assert first == {
        "text": 'say "hi"\n',
        "label": "positive",
        "predicted": "negative",
        "score": 0.75,
        "model": "tamis",
        "model_version": "3",
        "bundle_digest": "ab" * 32,
        "id": given.ids[0],
    }
    assert second["text"] == "\ud800 电影"
    assert (second["predicted"], second["score"]) == ("positive", 1.0)


def test_only_what_was_asked_for(settings: JournalSettings, tmp_path: Path) -> None:
    other = ModelIdentity("tamis", "4", "cd" * 32)
    early, late = answered(["early"]), answered(["late"], model=other)
    keep(settings, early)
    between = datetime.now(UTC).isoformat()
    keep(settings, late, answered(["never labelled"]))
    judge(settings, [*early.ids, *late.ids])
    out = tmp_path / "out.jsonl"

    def texts(**selection: str) -> list[object]:
        return [row["text"] for row in exported(settings, out, **selection)]

    assert texts() == ["early", "late"]
    assert texts(since=between) == ["late"]
    assert texts(until=between) == ["early"]
    assert texts(model="tamis/4") == ["late"]
    assert texts(model="tamis", since="1h") == ["early", "late"]
    for selection in ({"model": "other"}, {"since": "2100-01-01"}, {"until": "1h"}):
        with pytest.raises(InputError) as caught:
            exported(settings, out, **selection)
        assert caught.value.code == "nothing_labelled"
    assert [row["text"] for row in map(json.loads, out.read_text().splitlines())] == [
        "early",
        "late",
    ]


def test_pages_join_without_gap_or_overlap(
    sqlite: JournalSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE_ROWS", 7)
    for n in (6, 1, 1, 6):
        given = answered([f"{n} {i}" for i in range(n)])
        keep(sqlite, given)
        judge(sqlite, list(given.ids))
    rows = exported(sqlite, tmp_path / "out.jsonl")
    assert len({str(row["id"]) for row in rows}) == len(rows) == 14


def test_erased_texts_are_left_out(settings: JournalSettings, tmp_path: Path) -> None:
    first, second = answered(["ada's"], "ada"), answered(["grace's"], "grace")
    keep(settings, first, second)
    judge(settings, [*first.ids, *second.ids], "linus")
    with database(settings) as journal:
        erasure.erase(journal, "ada")
    assert [row["text"] for row in exported(settings, tmp_path / "out.jsonl")] == ["grace's"]


def test_an_altered_record_leaves_the_older_file(settings: JournalSettings, tmp_path: Path) -> None:
    given: Answered = answered(["first", "second"])
    keep(settings, given)
    judge(settings, list(given.ids))
    out = tmp_path / "out.jsonl"
    exported(settings, out)
    whole = out.read_bytes()
    with database(settings) as journal, journal.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE predictions SET score = 0 WHERE number = 2")
    with pytest.raises(IntegrityError):
        exported(settings, out)
    assert out.read_bytes() == whole
    assert not list(tmp_path.glob(".*partial"))


def test_the_file_is_its_owners_alone(sqlite: JournalSettings, tmp_path: Path) -> None:
    given = answered(["a film"])
    keep(sqlite, given)
    judge(sqlite, list(given.ids))
    old = os.umask(0)
    try:
        exported(sqlite, tmp_path / "out.jsonl")
    finally:
        os.umask(old)
    assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("place", ["missing/out.jsonl", "keys/out.jsonl"])
def test_a_place_that_cannot_be_written_is_one_sentence(
    sqlite: JournalSettings, tmp_path: Path, place: str
) -> None:
    given = answered(["a film"])
    keep(sqlite, given)
    judge(sqlite, list(given.ids))
    with pytest.raises(TamisError) as caught:
        exported(sqlite, tmp_path / place)
    assert "out.jsonl" in caught.value.message
