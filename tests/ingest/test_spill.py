from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import pytest

from components.ingest import spill as spill_module
from components.ingest.records import Record
from components.ingest.spill import Spill


def record(text: str, label: int = 0, row: int = 1, slices: tuple[str, ...] = ()) -> Record:
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return Record(digest, label, row, 0, text, slices)


def test_what_goes_in_comes_out_in_order_of_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spill = Spill(tmp_path / "spill", ("from",))
    records = [record(f"grüße {i}", i % 3, i, (f"s{i % 2}",)) for i in range(2_000)]
    for each in records[:1_000]:
        spill.add(each)
    spill.flush()
    for each in records[1_000:]:
        spill.add(each)  # these stay in the buffer
    monkeypatch.setattr(spill_module, "TABLE_BYTES", 5_000)
    found, ranges = [], []
    for table in spill.partitions():
        rows = table.to_pylist()
        ranges.append([row["digest"] for row in rows])
        found += rows
    assert len(ranges) > 10
    assert all(max(a) < min(b) for a, b in itertools.pairwise(ranges))
    by_row = sorted(found, key=lambda row: row["row"])
    assert [(r["text"], r["label"], r["from"], r["count"]) for r in by_row] == [
        (r.text, r.label, r.slices[0], 1) for r in records
    ]
    assert list((tmp_path / "spill").iterdir()) == []


def test_copies_in_the_buffer_become_a_count(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "spill", ())
    for row in range(1, 1_001):
        spill.add(record("the same", row % 2, row))
    spill.flush()
    (table,) = spill.partitions()
    assert [(r["label"], r["row"], r["count"]) for r in table.to_pylist()] == [
        (1, 1, 500),
        (0, 2, 500),
    ]


def test_the_buffer_is_written_when_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spill_module, "BUFFER_BYTES", 10_000)
    spill = Spill(tmp_path / "spill", ())
    for i in range(100):
        spill.add(record(f"text {i}"))
    written = sum(file.stat().st_size for file in (tmp_path / "spill").iterdir())
    assert written > 0
    spill.flush()
    assert sum(len(table) for table in spill.partitions()) == 100
