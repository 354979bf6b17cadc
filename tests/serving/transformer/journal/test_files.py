"""The journal's files read as bytes."""

import asyncio
import random
import sqlite3
from pathlib import Path

import pytest

from components.contract.errors import TamisError
from serving.transformer.journal.reading import Selection, read_labelled
from serving.transformer.journal.settings import JournalSettings
from tests.conftest import reviews
from tests.serving.transformer.journal.answers import answered, database, judge, keep, opened


def bytes_of(settings: JournalSettings) -> dict[str, bytes]:
    path = Path(settings.url)
    return {p.name: p.read_bytes() for p in path.parent.glob(path.name + "*")}


def test_no_text_and_no_subject_is_in_any_file(sqlite: JournalSettings) -> None:
    texts = [text for text, _ in reviews(each=100)] + ["short one", "长的文本在这里", "x" * 20_000]
    given = answered(texts, "ada.lovelace@example.org")

    async def use() -> None:
        with opened(sqlite) as journal:
            await journal.record(given)
            for name in given.ids:
                await journal.feedback(name, "positive", "grace.hopper@example.org")
            seen.update(bytes_of(sqlite))  # while it is open: the log is full

    seen: dict[str, bytes] = {}
    asyncio.run(use())
    assert set(seen) == {"journal.db", "journal.db-wal", "journal.db-shm"}
    assert given.ids[0].encode() in seen["journal.db-wal"]
    after = bytes_of(sqlite)
    assert given.ids[0].encode() in after["journal.db"]
    for content in [*seen.values(), *after.values()]:
        for secret in [*texts, "lovelace", "hopper"]:
            for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
                assert secret[:12].encode(encoding) not in content


def test_a_flipped_bit_anywhere_never_gives_a_row_that_was_not_stored(
    sqlite: JournalSettings,
) -> None:
    given = answered([f"film number {i}" for i in range(8)])
    keep(sqlite, given)
    judge(sqlite, list(given.ids))
    path = Path(sqlite.url)
    whole = path.read_bytes()
    with database(sqlite) as reader:
        stored = list(read_labelled(reader, Selection()))
    assert len(stored) == 8
    source = random.Random(7)
    refused = 0
    used = [place for place in range(100, len(whole)) if whole[place]]  # behind SQLite's header
    for place in source.sample(used, 400):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << source.randrange(8)
        path.write_bytes(flipped)
        try:
            with database(sqlite) as reader:
                rows = list(read_labelled(reader, Selection()))
            assert all(row in stored for row in rows)
        except TamisError:
            refused += 1
    assert refused > 50


@pytest.mark.parametrize("column", ["sealed", "nonce"])
def test_a_flipped_bit_of_a_record_is_told_by_the_records_id(
    sqlite: JournalSettings, column: str
) -> None:
    given = answered(["the first", "the second", "the third"])
    keep(sqlite, given)
    judge(sqlite, list(given.ids))
    path = Path(sqlite.url)
    with sqlite3.connect(path) as connection:
        query = f"SELECT {column} FROM predictions WHERE id = ?"
        (value,) = connection.execute(query, (given.ids[1],)).fetchone()
    connection.close()
    whole = path.read_bytes()
    place = whole.index(value)
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with database(sqlite) as reader, pytest.raises(TamisError) as caught:
        list(read_labelled(reader, Selection()))
    assert caught.value.code == "record_altered"
    assert given.ids[1] in caught.value.message
