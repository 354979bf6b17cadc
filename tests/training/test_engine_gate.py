from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from components import catalogue
from components.contract.classifier import Classifier, Scores
from components.contract.encoding import Encoding
from components.contract.tokens import Tokens
from components.training.engine_gate import Comparison, compare

EVEN = Comparison(1_000, 0.8, 0.8, 1.0, 0.01, 128, 0.0)


@pytest.fixture
def reference(bundle: Path) -> Classifier:
    return catalogue.open_classifier(bundle)[1]


class Changed:
    """A classifier with other logits: what an engine with a fault would be."""

    def __init__(self, classifier: Classifier, share: float = 0.0, company: float = 0.0) -> None:
        self._classifier, self._share, self._company = classifier, share, company

    def score(self, encoding: Encoding) -> Scores:
        scores = self._classifier.score(encoding)
        logits = scores.logits.copy()
        flipped = np.arange(len(logits)) < self._share * len(logits)
        logits[flipped] = -logits[flipped]
        logits[:, 0] += self._company * (len(logits) > 1)
        return replace(scores, logits=logits)

    def logits(self, encoding: Encoding) -> object:
        return self.score(encoding).logits


def test_an_engine_agrees_with_itself(reference: Classifier, tokens: Path) -> None:
    found = compare(reference, reference, Tokens.open(tokens))
    assert found.refusals == []
    assert found.rows > 40
    assert found.agreement == 1
    assert found.largest_difference == 0
    assert found.batch_difference <= 1e-6
    assert found.accuracy == found.fp32_accuracy
    assert found.record()["refusals"] == []


def test_one_that_decides_otherwise_is_refused(reference: Classifier, tokens: Path) -> None:
    changed = Changed(reference, share=0.05)
    found = compare(changed, reference, Tokens.open(tokens))  # type: ignore[arg-type]
    assert found.agreement < 0.99
    assert any("keep their label" in told for told in found.refusals)


def test_one_whose_answers_depend_on_company_is_refused(
    reference: Classifier, tokens: Path
) -> None:
    changed = Changed(reference, company=0.5)
    found = compare(changed, reference, Tokens.open(tokens))  # type: ignore[arg-type]
    assert found.batch_difference > 0.01
    assert any("company" in told for told in found.refusals)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"accuracy": 0.7969}, "Accuracy falls"),
        ({"agreement": 0.9899}, "keep their label"),
        ({"batch_difference": 0.0101}, "company"),
        ({"batch_difference": float("nan")}, "company"),
        ({"rows": 0}, "no validation rows"),
    ],
)
def test_each_bar_refuses_alone(changed: dict[str, float], told: str) -> None:
    (refusal,) = replace(EVEN, **changed).refusals  # type: ignore[arg-type]
    assert told in refusal


@pytest.mark.parametrize(
    "changed", [{}, {"accuracy": 0.7971}, {"agreement": 0.99}, {"batch_difference": 0.01}]
)
def test_on_the_bar_is_enough(changed: dict[str, float]) -> None:
    assert replace(EVEN, **changed).refusals == []  # type: ignore[arg-type]
