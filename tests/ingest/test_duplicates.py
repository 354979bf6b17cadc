from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from components.ingest.duplicates import without_duplicates
from components.ingest.records import Record
from components.ingest.rejections import Rejections
from components.ingest.spill import Spill

ROWS = st.lists(
    st.tuples(st.sampled_from([f"text {i}" for i in range(8)]), st.integers(0, 2)), max_size=40
)


@given(ROWS, st.integers(1, 40))
@hypothesis_settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_against_a_plain_dictionary(
    tmp_path_factory: object, rows: list[tuple[str, int]], flush: int
) -> None:
    folder: Path = tmp_path_factory.mktemp("spill") / "spill"  # type: ignore[attr-defined]
    spill, rejections = Spill(folder, ()), Rejections()
    labels, firsts = defaultdict(list), {}
    for number, (text, label) in enumerate(rows, 1):
        digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
        spill.add(Record(digest, label, number, 0, text, ()))
        if number % flush == 0:
            spill.flush()
        labels[text].append(label)
        firsts.setdefault(text, number)
    spill.flush()
    kept = [
        row
        for partition in spill.partitions()
        for row in without_duplicates(partition, rejections).to_pylist()
    ]
    clean = {text for text, seen in labels.items() if len(set(seen)) == 1}
    assert {(row["text"], row["row"]) for row in kept} == {(t, firsts[t]) for t in clean}
    assert [row["digest"] for row in kept] == sorted(row["digest"] for row in kept)
    assert rejections.counts["duplicate"] == sum(len(labels[t]) - 1 for t in clean)
    assert rejections.counts["conflicting_duplicate"] == sum(
        len(seen) for text, seen in labels.items() if text not in clean
    )
    assert len(rows) == len(kept) + rejections.total
