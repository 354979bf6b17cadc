from __future__ import annotations

from typing import Any

import pytest

from components.contract.errors import InputError
from components.ingest.settings import ingest_settings


def test_both_sections_are_joined() -> None:
    settings = ingest_settings(
        {
            "source": {
                "uri": "a.csv",
                "label_names": {0: "negative", 1: "positive"},
                "where": {"source": "imdb", "year": 2020},
                "slices": ["source"],
            },
            "ingest": {"max_characters": 500, "split": {"train": 0.7, "test": 0.2, "salt": 7}},
            "train": {"anything": 1},
        }
    )
    assert settings.source.label_names == {"0": "negative", "1": "positive"}
    assert settings.source.where == {"source": "imdb", "year": "2020"}
    assert settings.source.columns == ("text", "label", "source", "year")
    assert settings.max_characters == 500
    assert settings.split.rule.train == 0.7
    assert settings.split.salt == "7"


def test_defaults() -> None:
    settings = ingest_settings({"source": {"uri": "a.csv"}})
    assert settings.max_rejected == 0.1
    assert settings.split.rule.test == 0.1
    assert settings.labels == ()


@pytest.mark.parametrize(
    ("source", "ingest", "code", "mention"),
    [
        ({}, {}, "missing_parameter", "source.uri"),
        ({"uri": " "}, {}, "bad_parameter", "source.uri"),
        ({"uri": "a", "text_colum": "x"}, {}, "unknown_parameter", "text_column"),
        ({"uri": "a", "label_column": "text"}, {}, "bad_parameter", "source.label_column"),
        ({"uri": "a", "slices": ["digest"]}, {}, "bad_parameter", "digest"),
        ({"uri": "a", "slices": ["x", "x"]}, {}, "bad_parameter", "source.slices"),
        ({"uri": "a"}, {"max_characters": 0}, "bad_parameter", "max_characters"),
        ({"uri": "a"}, {"max_characters": 10**6}, "bad_parameter", "100000"),
        ({"uri": "a"}, {"max_rejected": 2}, "bad_parameter", "max_rejected"),
        ({"uri": "a"}, {"labels": ["x"]}, "bad_parameter", "ingest.labels"),
        ({"uri": "a"}, {"labels": ["x", "x"]}, "bad_parameter", "ingest.labels"),
        ({"uri": "a"}, {"split": {"train": 0.9}}, "bad_parameter", "1.1"),
        ({"uri": "a"}, {"split": {"train": 0, "test": 0.9}}, "bad_parameter", "split.train"),
        ({"uri": "a"}, {"split": {"test": -0.1}}, "bad_parameter", "split.test"),
        ({"uri": "a"}, {"source": {}}, "unknown_parameter", "ingest.source"),
        ({"uri": "a"}, ["x"], "bad_parameter", "ingest"),
        ({"uri": "a", "label_names": {1: "y"}}, {"labels": ["x", "z"]}, "bad_parameter", "'y'"),
    ],
)
def test_values_that_cannot_work(source: Any, ingest: Any, code: str, mention: str) -> None:
    with pytest.raises(InputError) as caught:
        ingest_settings({"source": source, "ingest": ingest})
    assert caught.value.code == code
    assert mention in str(caught.value)
