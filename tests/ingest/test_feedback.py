"""Rows that came back from a service: whose labels, which split, what is held out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from components.contract.dataset import SPLITS, Dataset
from components.contract.errors import InputError
from components.contract.split import SplitRule
from components.ingest.feedback import with_feedback
from components.ingest.ingest import ingest
from components.ingest.settings import ingest_settings
from components.ingest.sources import open_source
from tests.conftest import reviews, write_csv

OLD, FRESH = SplitRule(0.8, 0.1, "13"), SplitRule(0.5, 0.1, "13")
Returned = tuple[str, str, str]
ROWS = reviews(each=150)
NAMES = {"0": "negative", "1": "positive"}


def returned(rows: Iterable[tuple[str, str]], origin: str = "fresh") -> list[Returned]:
    return [(text, NAMES[label], origin) for text, label in rows]


def dataset(
    folder: Path, source: list[tuple[str, str]], feedback: list[Returned], holdout: float = 0.4
) -> Dataset:
    """Ingested rows of a source and of feedback."""
    file = folder / "feedback.jsonl"
    lines = [json.dumps({"text": t, "label": n, "origin": o}) + "\n" for t, n, o in feedback]
    file.write_text("".join(lines))
    params = {
        "source": {
            "uri": str(write_csv(folder / "reviews.csv", source)),
            "label_names": {0: "negative", 1: "positive"},
        },
        "ingest": {"feedback": {"uri": str(file), "holdout": holdout}, "max_rejected": 0.5},
    }
    settings = ingest_settings(params)
    out = folder / "dataset"
    ingest(with_feedback(open_source(settings.source), settings), out, settings)
    return Dataset.open(out)


def found(data: Dataset) -> dict[str, tuple[str, str, str]]:
    """Text -> split, label name, origin."""
    return {
        text: (split, data.labels[label], origin)
        for split in SPLITS
        for batch in data.batches(split)
        for text, label, origin in zip(
            batch.texts, batch.labels, batch.slices["origin"], strict=True
        )
    }


def test_fresh_rows_are_held_out_by_their_own_shares(tmp_path: Path) -> None:
    old, new, former = ROWS[:100] + ROWS[150:250], ROWS[100:125] + ROWS[250:275], ROWS[125:150]
    data = dataset(tmp_path, old, returned(new) + returned(former, "feedback"))
    rows = found(data)
    assert data.labels == ("negative", "positive")
    for text, (split, _, origin) in rows.items():
        assert split == (FRESH if origin == "fresh" else OLD).split(text)
    assert sum(origin == "fresh" for _, _, origin in rows.values()) == len(new)
    assert sum(origin == "feedback" for _, _, origin in rows.values()) == len(former)
    facts = data.manifest.facts
    assert facts["split"] == OLD.as_facts()
    assert facts["fresh"] == {"column": "origin", "value": "fresh", "split": FRESH.as_facts()}
    assert facts["rows_in"] == len(old) + len(new) + len(former)


def test_what_is_held_out_later_is_held_out_as_fresh(tmp_path: Path) -> None:
    """Else the next champion would be compared on rows that it was trained on."""
    for text, _ in ROWS:
        if OLD.split(text) == "test":
            assert FRESH.split(text) == "test"
    with pytest.raises(InputError, match="what is held out later"):
        dataset(tmp_path, ROWS, returned(ROWS[:9]), holdout=0.05)


def test_a_text_that_the_source_has_is_not_fresh(tmp_path: Path) -> None:
    """But for case and punctuation: the champion may have been trained on it."""
    known = [text for text, _ in ROWS if OLD.split(text) == "train" and FRESH.split(text) == "test"]
    text = known[0]
    shouted = text.upper() + " !!!"
    label = dict(ROWS)[text]
    data = dataset(tmp_path, ROWS, returned([(text, label), (shouted, label)]))
    rows = found(data)
    assert rows[text] == ("train", NAMES[label], "source"), "the source's row is the one kept"
    (split, _, origin) = next(row for key, row in rows.items() if key.startswith(shouted[:20]))
    assert (split, origin) == ("train", "feedback")
    assert data.manifest.facts["rejected"]["duplicate"] == 1


def test_feedback_that_is_no_use_is_counted(tmp_path: Path) -> None:
    """Names that are none, the source's raw labels, empty and broken texts."""
    new = returned(ROWS[:20])
    bad = [("a text", "delighted", "fresh"), ("b text", "1", "fresh"), ("", "positive", "fresh"),
           ("c \ud800", "positive", "fresh"), ("d text", "pos\nitive", "fresh")]  # fmt: skip
    data = dataset(tmp_path, ROWS[20:], new + bad)
    rejected = data.manifest.facts["rejected"]
    assert rejected["unknown_label"] == 3
    assert rejected["empty"] == 1
    assert rejected["undecodable"] == 1
    total = sum(data.rows(split) for split in SPLITS)
    assert data.manifest.facts["rows_in"] == total + sum(rejected.values())


def test_labels_that_contradict_each_other_teach_nothing(tmp_path: Path) -> None:
    text, label = ROWS[0]
    other = {"0": "1", "1": "0"}[label]
    data = dataset(tmp_path, ROWS, returned([(text, other)]))
    assert text not in found(data)
    assert data.manifest.facts["rejected"]["conflicting_duplicate"] == 2


def test_without_feedback_nothing_changes(tmp_path: Path) -> None:
    settings = ingest_settings({"source": {"uri": str(write_csv(tmp_path / "r.csv", ROWS))}})
    source = open_source(settings.source)
    assert with_feedback(source, settings) is source
    ingest(source, tmp_path / "dataset", settings)
    data = Dataset.open(tmp_path / "dataset")
    assert data.manifest.facts["slices"] == []
    assert "fresh" not in data.manifest.facts


def test_other_feedback_is_another_source(tmp_path: Path) -> None:
    digests = []
    for count in (5, 6):
        folder = tmp_path / str(count)
        folder.mkdir()
        digests.append(dataset(folder, ROWS[50:], returned(ROWS[:count])).manifest.digest)
    assert digests[0] != digests[1]


def test_a_source_cannot_bring_an_origin_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="origin"):
        ingest_settings(
            {"source": {"uri": "x", "slices": ["origin"]}, "ingest": {"feedback": {"uri": "y"}}}
        )
