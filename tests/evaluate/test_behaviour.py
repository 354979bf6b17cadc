from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from components.contract.dataset import Batch
from components.contract.errors import InputError
from components.evaluate.behaviour import (
    PERTURBATIONS,
    behaviour,
    direction,
    invariance,
    minimum_function,
)
from components.evaluate.examples import Exemplars, Mistakes
from components.evaluate.settings import Expectation


class Counting:
    """A classifier that counts what it is told to and is the surer the more it finds."""

    labels = ("negative", "positive")

    def __init__(self, split):
        self._split = split

    def predict_proba(self, texts):
        scores = []
        for text in texts:
            words = self._split(text)
            value = words.count("good") - words.count("bad")
            scores.append(1 / (1 + np.exp(-value - 0.1)))
        positive = np.array(scores, np.float32)
        return np.stack([1 - positive, positive], axis=1)


TEXTS = ["a bad film", "good and good", "caf\u00e9 bad", "nothing at all"]


def test_a_model_that_splits_at_whitespace_ignores_whitespace():
    found = invariance(Counting(str.split), TEXTS)
    assert found["doubled spaces"] == {"tried": 4, "failed": 0}
    assert found["surrounding whitespace"] == {"tried": 4, "failed": 0}


def test_a_model_that_spaces_confuse_is_told_on():
    confused = Counting(lambda text: ["bad"] if "  " in text else text.split())
    found = invariance(confused, TEXTS)
    assert found["doubled spaces"] == {"tried": 4, "failed": 2}


def test_only_texts_that_a_perturbation_changes_are_tried():
    found = invariance(Counting(str.split), TEXTS)
    assert found["decomposed accents"]["tried"] == 1
    assert invariance(Counting(str.split), [])["doubled spaces"] == {"tried": 0, "failed": 0}


@pytest.mark.parametrize("text", [*TEXTS, "", "  ", "one", "\u4e00\u4e8c\u4e09", "a\nb"])
def test_perturbations_keep_the_letters(text):
    def letters(value):
        value = unicodedata.normalize("NFC", value.replace("<br />", " "))
        return [c for c in value if c.isalpha()]

    for perturb in PERTURBATIONS.values():
        assert letters(perturb(text)) == letters(text)


def test_appending_a_sure_text_must_not_lower_its_label():
    sure = {"negative": "bad bad bad", "positive": "good good"}
    assert direction(Counting(str.split), TEXTS, sure) == {"tried": 4, "failed": 0}
    contrary = {"negative": "good good good", "positive": "bad bad bad"}
    assert direction(Counting(str.split), TEXTS, contrary)["failed"] == 4
    assert direction(Counting(str.split), TEXTS, {}) == {"tried": 0, "failed": 0}


def test_plain_texts_that_fail_are_named():
    expected = (Expectation("good film", "positive"), Expectation("good film", "negative"))
    found = minimum_function(Counting(str.split), expected)
    assert (found["tried"], found["failed"]) == (2, 1)
    assert found["failures"] == [
        {"text": "good film", "expected": "negative", "predicted": "positive"}
    ]


def test_an_expectation_of_an_unknown_label_names_its_neighbour():
    with pytest.raises(InputError) as caught:
        behaviour(Counting(str.split), [], {}, [Expectation("x", "positiv")])
    assert "positive" in caught.value.hint


def batch(texts, labels):
    return Batch(texts, np.array(labels, np.int32), [b""] * len(texts), {})


def test_exemplars_are_right_sure_and_short():
    exemplars = Exemplars(("a", "b"))
    long = "word " * 50
    scores = np.array([[0.9, 0.1], [0.99, 0.01], [0.999, 0.001], [0.2, 0.8]])
    exemplars.add(batch(["sure", "wrong", long, "other"], [0, 1, 0, 1]), scores)
    exemplars.add(batch(["surer"], [0]), np.array([[0.95, 0.05]]))
    assert exemplars.texts() == {"a": "surer", "b": "other"}


def test_mistakes_are_the_surest_errors():
    mistakes = Mistakes(("a", "b"), limit=2)
    scores = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]])
    mistakes.add(batch(["sure", "unsure", "right"], [1, 1, 0]), scores)
    mistakes.add(batch(["surest"], [0]), np.array([[0.01, 0.99]]))
    assert [row["text"] for row in mistakes.rows()] == ["surest", "sure"]
    assert mistakes.rows()[0] == {
        "confidence": 0.99,
        "text": "surest",
        "actual": "a",
        "predicted": "b",
    }
