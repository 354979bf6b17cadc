from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import yaml

from components.ingest.settings import IngestSettings, SourceSettings, SplitSettings
from components.inspect.advice import advise
from components.inspect.copies import Leak
from components.inspect.survey import PERCENTILES, Survey
from pipelines.parameters import check

SETTINGS = IngestSettings(SourceSettings("s3://bucket/ré views.csv", slices=("from",)))
SURVEY = Survey(
    uri="x", files=1, rows_in=1_000, rows_filtered=0, rejected={}, samples=(),
    labels={"pos": (400, 50, 50), "neg": (400, 50, 50)},
    characters=dict.fromkeys(PERCENTILES, 120), words=dict.fromkeys(PERCENTILES, 20),
    histogram=(np.ones(2, np.int64), np.arange(3)), languages={"English": 1.0}, shared=None,
    names=(), near=Leak(0, 1_000, ()), refusal="",
)  # fmt: skip


def advised(settings: IngestSettings = SETTINGS, **changes: Any) -> dict[str, Any]:
    """The suggested file, which is sound."""
    text = advise(dataclasses.replace(SURVEY, **changes), settings, "mine").text()
    document: dict[str, Any] = yaml.safe_load(text)
    check(document)
    return document


def test_balanced_english_gets_all_architectures_and_accuracy() -> None:
    document = advised()
    assert list(document["architectures"]) == ["logistic", "lstm", "bert"]
    assert document["architectures"]["lstm"]["max_tokens"] == 32
    assert document["register"] == {"model_name": "mine", "floor": 0.55}
    assert "class_weights" not in document
    assert document["source"]["slices"] == ["from"]
    assert document["source"]["uri"] == "s3://bucket/ré views.csv"


def test_rare_labels_get_weights_and_macro_f1() -> None:
    labels = {"a": (760, 95, 95), "b": (30, 10, 10)}
    document = advised(labels=labels)
    assert document["class_weights"] == "balanced"
    # Always "a" has an F1 of 2 * 0.95 / 1.95 on that label, none on the other: 0.487 in the mean.
    assert document["register"] == {"model_name": "mine", "metric": "macro_f1", "floor": 0.54}


@pytest.mark.parametrize("language", ["French", "Arabic", "undetermined (Latin)"])
def test_the_english_encoder_is_for_english(language: str) -> None:
    assert "bert" not in advised(languages={language: 0.9, "English": 0.1})["architectures"]


def test_languages_without_spaces_are_measured_in_characters() -> None:
    document = advised(languages={"Chinese": 1.0}, words=dict.fromkeys(PERCENTILES, 1))
    assert document["architectures"]["lstm"]["max_tokens"] == 128


def test_long_texts_are_cut_somewhere() -> None:
    assert advised(words=dict.fromkeys(PERCENTILES, 9_000))["architectures"]["lstm"][
        "max_tokens"
    ] == 256  # fmt: skip


def test_an_empty_split_gets_larger_shares() -> None:
    document = advised(labels={"pos": (10, 0, 1), "neg": (9, 0, 0)})
    assert document["ingest"]["split"] == {"train": 0.6, "validation": 0.2, "test": 0.2}
    own = dataclasses.replace(SETTINGS, split=SplitSettings(0.5, 0.25, 0.25), max_characters=9)
    document = advised(own, labels={"pos": (10, 0, 1), "neg": (9, 0, 0)})
    assert document["ingest"]["split"]["train"] == 0.5
    assert document["ingest"]["max_characters"] == 9


def test_two_hundred_labels_have_a_floor_that_can_be_reached() -> None:
    labels = {f"label {n}": (40, 5, 5) for n in range(200)}
    document = advised(labels=labels, rows_in=10_000)
    assert document["register"]["floor"] == 0.1
    assert document["tokenizers"]["bpe"]["vocab_size"] == 20_000


def test_no_labels_left_are_no_crash() -> None:
    document = advised(labels={}, refusal="one_label: No row is left that has a label.")
    assert document["register"]["floor"] == 0.1
