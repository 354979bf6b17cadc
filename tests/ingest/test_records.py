from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from components.contract.dataset import SPLITS
from components.contract.split import SplitRule
from components.ingest.labels import Labels
from components.ingest.records import Record, Screening, as_text
from components.ingest.rejections import Rejections
from components.ingest.settings import IngestSettings
from components.ingest.sources import BrokenRow, Row

Settings = Callable[..., IngestSettings]


def screen(settings: IngestSettings, *rows: Row) -> tuple[list[Record], Screening, dict[str, int]]:
    rejections = Rejections()
    labels = Labels(settings.source.label_names, settings.labels)
    screening = Screening(settings, labels, rejections)
    records = list(screening.records(rows))
    return records, screening, {k: v for k, v in rejections.counts.items() if v}


def test_a_row_becomes_a_record(settings: Settings) -> None:
    row = {"text": " Good<br />film ", "label": 1, "from": "imdb"}
    (record,), screening, rejected = screen(settings({"slices": ("from",)}), row)
    assert record.text == "Good film"
    assert record.slices == ("imdb",)
    assert record.row == 1
    assert len(record.digest) == 16
    assert SPLITS[record.split] == SplitRule(0.8, 0.1, "13").split("Good film")
    assert (screening.rows_in, screening.rows_filtered, rejected) == (1, 0, {})


@pytest.mark.parametrize(
    ("text", "label", "reason"),
    [
        ("", "1", "empty"),
        (None, "1", "empty"),
        (" <br /> \u200b", "1", "empty"),
        ("x" * 101, "1", "over_long"),
        ("<br>" * 300_000, "1", "over_long"),
        ("caf\udce9", "1", "undecodable"),
        (b"caf\xe9", "1", "undecodable"),
        (["a"], "1", "malformed"),
        ({"a": 1}, "1", "malformed"),
        ("fine", None, "unknown_label"),
        ("fine", " ", "unknown_label"),
        ("fine", "\udce9", "unknown_label"),
        ("fine", {"1": 1}, "unknown_label"),
        ("fine", ["z"], "unknown_label"),
        ("fine", ["1", "2"], "conflicting_duplicate"),
        ("fine", [["1"], ["2"]], "conflicting_duplicate"),
        ("fine", "z", "unknown_label"),
    ],
)
def test_a_row_is_rejected(settings: Settings, text: Any, label: Any, reason: str) -> None:
    chosen = settings({"label_names": {"1": "one", "2": "two"}}, max_characters=100)
    records, screening, rejected = screen(chosen, {"text": text, "label": label})
    assert records == []
    assert rejected == {reason: 1}
    assert screening.rows_in == 1


def test_length_is_measured_after_normalising(settings: Settings) -> None:
    row = {"text": "<br />" * 50 + "short", "label": 1}
    assert screen(settings(max_characters=5), row)[0][0].text == "short"


def test_broken_rows_are_counted(settings: Settings) -> None:
    broken = BrokenRow("malformed", "a,b,c")
    _, screening, rejected = screen(settings({"where": {"x": "1"}}), broken)
    assert rejected == {"malformed": 1}
    assert screening.rows_in == 1


def test_rows_that_do_not_match_are_set_aside(settings: Settings) -> None:
    rows = [{"text": f"t{i}", "label": 1, "year": i, "ok": i == 1} for i in range(3)]
    records, screening, rejected = screen(settings({"where": {"year": "1", "ok": "true"}}), *rows)
    assert [r.text for r in records] == ["t1"]
    assert records[0].row == 2
    assert (screening.rows_in, screening.rows_filtered, rejected) == (1, 2, {})


def test_labels_of_rejected_rows_are_not_learned(settings: Settings) -> None:
    labels = Labels({}, ())
    rows = [{"text": "", "label": "odd"}, {"text": "a", "label": "even"}]
    list(Screening(settings(), labels, Rejections()).records(rows))
    assert labels.names() == ("even",)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *(("a", "a"), (None, ""), (True, "true"), (False, "false"), (3, "3"), (1.5, "1.5")),
        *((b"a", "a"), (["a"], None), (("a",), None), ({}, None)),
    ],
)
def test_cells_as_text(value: Any, text: str | None) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(
    ("answers", "label"),
    [(["a"], "a"), (["b", "a", "a"], "a"), (["a", "b", "c", "b"], "b"), ([3, 3, "x"], "3"),
     ((True, True), "true"), (["a", "a", "b", "b", "c"], None)],
    ids=str,
)  # fmt: skip
def test_what_most_annotators_say_is_the_label(
    settings: Settings, answers: Any, label: str | None
) -> None:
    names = Labels({}, ())
    screening = Screening(settings(), names, Rejections())
    records = list(screening.records([{"text": "fine", "label": answers}]))
    assert names.names() == (() if label is None else (label,))
    assert len(records) == (label is not None)


def test_a_row_that_nobody_has_labelled_is_set_aside(settings: Settings) -> None:
    rows = [{"text": "fine", "label": []}, {"text": "good", "label": ["1"]}]
    records, screening, rejected = screen(settings(), *rows)
    assert [record.row for record in records] == [2]
    assert (screening.rows_in, screening.rows_filtered, rejected) == (1, 1, {})
