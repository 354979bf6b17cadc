"""Explanations of a logistic bundle by both methods, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from components import catalogue
from components.contract.classifier import Classifier
from components.contract.errors import InputError
from components.contract.limits import TEXT_CHARACTERS
from components.contract.normalise import normalise
from components.explain import occlusion as module
from components.explain.explain import STRATEGIES, explain
from components.explain.occlusion import OCCLUSIONS, log_odds

TEXTS = {
    "english": "a wonderful film , <b>wonderful</b> but far too dull",
    "chinese": "电影很好看 很好",
    "emoji": "👍🏽👍🏽 good 👨‍👩‍👧 ❤️",
    "unknown": "zzxqj",
    "spaces": "  good \n\n film  ",
}


@pytest.fixture(scope="module")
def classifier(bundle: Path) -> Classifier:
    return catalogue.open_classifier(bundle)[1]


@pytest.mark.parametrize("name", TEXTS)
def test_exact_terms_sum_to_the_logit(name: str, classifier: Classifier) -> None:
    found = explain(classifier, TEXTS[name])
    assert found.method == "exact"
    logits = classifier.logits(classifier.tokenizer.encode([normalise(TEXTS[name])]))[0]
    logit = float(logits[classifier.labels.index(found.label)])
    total = found.base + sum(term.contribution for term in found.terms)
    assert found.total == pytest.approx(logit, abs=1e-5)
    assert total == pytest.approx(logit, abs=1e-5)
    assert found.base + sum(mark.weight for mark in found.marks) == pytest.approx(logit, abs=1e-5)


@pytest.mark.parametrize("method", STRATEGIES)
def test_the_two_labels_of_a_decision_mirror_each_other(
    method: str, classifier: Classifier
) -> None:
    text = TEXTS["english"]
    first, second = (explain(classifier, text, label, method) for label in classifier.labels)
    terms = {term.text: term.contribution for term in first.terms}
    assert {t.text: -t.contribution for t in second.terms} == pytest.approx(terms, abs=1e-5)
    assert first.score + second.score == pytest.approx(1)


@pytest.mark.parametrize("method", STRATEGIES)
def test_terms_speak_for_the_side_that_they_are_on(method: str, classifier: Classifier) -> None:
    found = explain(classifier, "wonderful but dull", "positive", method)
    marks = {found.text[m.start : m.end]: m.weight for m in found.marks}
    assert marks["wonderful"] > 0 > marks["dull"]
    assert [abs(t.contribution) for t in found.terms] == sorted(
        (abs(t.contribution) for t in found.terms), reverse=True
    )


@pytest.mark.parametrize("name", TEXTS)
def test_occlusion_is_what_is_lost_without_a_word(name: str, classifier: Classifier) -> None:
    found = explain(classifier, TEXTS[name], "positive", "occlusion")

    def evidence(text: str) -> float:
        negative, positive = (float(p) for p in classifier.predict_proba([text])[0])
        return math.log(positive) - math.log(negative)

    assert found.total == pytest.approx(evidence(TEXTS[name]), abs=1e-5)
    for mark in found.marks:
        without = found.text[: mark.start] + found.text[mark.end :]
        assert mark.weight == pytest.approx(found.total - evidence(without), abs=1e-5)
    assert "".join(found.text[m.start : m.end] for m in found.marks) == "".join(found.text.split())


def test_a_long_text_costs_no_more_than_so_many_texts(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OCCLUDED_CHARACTERS", 200_000)
    scored: list[int] = []
    real = type(classifier).predict_proba

    def counting(self: Classifier, texts: list[str]) -> np.ndarray:
        scored.append(len(texts))
        return real(self, texts)

    monkeypatch.setattr(type(classifier), "predict_proba", counting)
    found = explain(classifier, "good " * 700, "positive", "occlusion")
    assert len(found.marks) <= 200_000 // 3_499 < OCCLUSIONS
    assert max(scored) <= module.BATCH
    assert sum(scored) == len(found.marks) + 2
    assert found.marks[0].start == 0
    assert found.marks[-1].end == len(found.text)


def test_a_text_of_the_greatest_length_is_explained_exactly(classifier: Classifier) -> None:
    found = explain(classifier, "good fil" * (TEXT_CHARACTERS // 8))
    assert found.base + sum(t.contribution for t in found.terms) == pytest.approx(found.total)


def test_log_odds_of_many_labels_stay_finite() -> None:
    rows = np.array([[1.0, 0.0, 0.0], [0.25, 0.25, 0.5]], np.float32)
    assert log_odds(rows, 0) == pytest.approx([80.0, math.log(1 / 3)])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("",), "empty_text"),
        (("<br> \u200b",), "empty_text"),
        (("a" * (TEXT_CHARACTERS + 1),), "text_too_long"),
        (("a", "positiv"), "unknown_label"),
        (("a", None, "lime"), "unknown_method"),
    ],
    ids=["empty", "nothing-left", "long", "label", "method"],
)
def test_what_cant_be_explained_is_one_sentence(
    arguments: tuple[str, ...], code: str, classifier: Classifier
) -> None:
    with pytest.raises(InputError) as raised:
        explain(classifier, *arguments)
    assert raised.value.code == code
