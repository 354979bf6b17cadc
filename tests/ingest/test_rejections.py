from __future__ import annotations

import json
import random
from pathlib import Path

from components.ingest.rejections import REASONS, SAMPLES, Rejections


def test_counts_and_the_limit() -> None:
    rejections = Rejections()
    rejections.add("empty", "", 3)
    rejections.add("duplicate", "x", 1, 5)
    assert rejections.total == 6
    assert rejections.bad == 1
    assert set(rejections.counts) == set(REASONS)


def test_samples_do_not_depend_on_the_order(tmp_path: Path) -> None:
    entries = [("empty", f"text {i}", i) for i in range(100)]
    written = []
    for seed in range(3):
        rejections = Rejections()
        for entry in random.Random(seed).sample(entries, len(entries)):
            rejections.add(*entry)
        rejections.write(tmp_path / "rejected.jsonl")
        written.append((tmp_path / "rejected.jsonl").read_bytes())
    assert len(set(written)) == 1
    assert len(written[0].splitlines()) == SAMPLES


def test_every_line_has_its_row_number(tmp_path: Path) -> None:
    rejections = Rejections()
    rejections.add("undecodable", "caf\udcff" + "x" * 100, 9)
    rejections.add("empty", "", 8)
    rejections.add("empty", "", 5)
    rejections.add("duplicate", "x" * 80 + "one", 1, 1, b"b")
    rejections.add("duplicate", "x" * 80 + "two", 2, 1, b"a")
    rows = rejections.write(tmp_path / "rejected.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]
    assert rows == [2, 1, 5, 9]
    assert lines[0] == lines[1] == {"reason": "duplicate", "text": "x" * 80}
    assert lines[2] == {"reason": "empty", "text": ""}
    assert lines[3]["text"] == "caf?" + "x" * 76


def test_there_are_at_most_a_hundred(tmp_path: Path) -> None:
    rejections = Rejections()
    for reason in REASONS:
        for i in range(50):
            rejections.add(reason, str(i), i)
    assert len(rejections.write(tmp_path / "rejected.jsonl")) <= 100
