from __future__ import annotations

import pytest

from components.contract import limits
from components.contract.errors import InputError
from components.ingest.labels import Labels, by_name


def test_labels_are_learned_in_the_order_they_are_met() -> None:
    labels = Labels({}, ())
    assert [labels.number(raw) for raw in ("b", " a ", "b", "a")] == [0, 1, 0, 1]
    assert labels.names() == ("b", "a")


@pytest.mark.parametrize("raw", ["", "  ", "x" * 201, "two\nlines"])
def test_what_is_no_label(raw: str) -> None:
    labels = Labels({}, ())
    assert labels.number(raw) is None
    assert labels.names() == ()


def test_renaming_knows_no_other_label() -> None:
    labels = Labels({"0": "negative", "1": "positive"}, ())
    assert labels.number("1") == 0
    assert labels.number("2") is None
    assert labels.number("positive") is None
    assert labels.names() == ("positive",)


def test_allowed_labels_are_all_there_is() -> None:
    labels = Labels({"1": "positive", "2": "odd"}, ("negative", "positive"))
    assert labels.number("1") == 1
    assert labels.number("2") is None
    assert labels.names() == ("negative", "positive")


def test_two_raw_labels_may_share_a_name() -> None:
    labels = Labels({"1": "bad", "2": "bad", "5": "good"}, ())
    assert [labels.number(raw) for raw in "125"] == [0, 0, 1]


def test_composed_and_decomposed_names_are_one() -> None:
    labels = Labels({}, ())
    assert labels.number("cafe\u0301") == labels.number("café")


def test_too_many_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LABELS", 3)
    labels = Labels({}, ())
    with pytest.raises(InputError) as caught:
        [labels.number(f"label {i}") for i in range(5)]
    assert caught.value.code == "too_many_labels"
    assert len(labels.names()) == 4


def test_names_sort_by_number_first() -> None:
    names = ["b", "10", "9", "-1", "a", "1.5", "1e3"]
    assert sorted(names, key=by_name) == ["-1", "1.5", "9", "10", "1e3", "a", "b"]
