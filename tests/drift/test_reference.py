from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.contract.bundle import REFERENCE_FILE
from components.contract.dataset import Dataset
from components.contract.errors import IntegrityError
from components.contract.text_marks import mark_texts
from components.drift.reference import read_reference, reference_of
from tests.drift.made import NAMES, WORDS, reference


def test_a_bundle_s_reference_has_marks_words_and_names(bundle: Path, dataset: Path) -> None:
    read = read_reference(bundle / REFERENCE_FILE)
    assert read.names == NAMES
    assert "the" in read.vocabulary.terms
    texts = [t for batch in Dataset.open(dataset).batches("validation") for t in batch.texts]
    assert read.marks is not None
    assert np.array_equal(read.marks, mark_texts(texts, read.vocabulary.terms)[: len(read.labels)])


def test_arrays_are_read_as_they_were_given() -> None:
    given = reference()
    read = reference_of(given.arrays(), "x")
    assert read.names == NAMES
    assert read.vocabulary == WORDS
    for name, array in given.arrays().items():
        assert np.array_equal(array, read.arrays()[name]), name


def test_a_bundle_of_before_has_none_of_them() -> None:
    arrays = reference().arrays()
    old = {name: arrays[name] for name in ("features", "probabilities", "lengths", "labels")}
    read = reference_of(old, "x")
    assert read.marks is None
    assert read.names == ()
    assert read.name(1) == "1"
    assert set(read.arrays()) == set(old)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("marks", np.zeros((500, 2), np.float32)),
        ("marks", np.zeros((499, 6), np.float32)),
        ("marks", np.full((500, 6), np.nan, np.float32)),
        ("names", np.frombuffer(b'["one"]', np.uint8)),
        ("names", np.frombuffer(b"{", np.uint8)),
        ("terms", np.frombuffer(b"\xff", np.uint8)),
        ("term_totals", np.zeros(0, np.int64)),
    ],
)
def test_what_does_not_fit_is_corrupted(name: str, array: np.ndarray) -> None:
    with pytest.raises(IntegrityError) as caught:
        reference_of({**reference().arrays(), name: array}, "x")
    assert caught.value.code == "corrupted"
