"""What the loop's client asks about."""

from __future__ import annotations

from components.contract.normalise import normalise
from components.contract.settings import read_params
from components.contract.split import SplitRule
from pipelines import parameters
from pipelines.loop.story import LABELLED, MEASURED
from pipelines.loop.texts import familiar_texts, other_texts
from tests.conftest import ROOT

DOCUMENT = read_params(ROOT / "params" / "loop.yaml")


def test_familiar_texts_are_those_that_training_held_out() -> None:
    rule = SplitRule(0.8, 0.1, "13")
    texts = familiar_texts(DOCUMENT)
    assert 2_300 < len(texts) < 2_700
    assert {rule.split(normalise(text.text)) for text in texts} == {"test"}
    assert {text.label for text in texts} == {"negative", "positive"}
    assert texts == familiar_texts(DOCUMENT), "in an order that stays"


def test_other_texts_are_enough_for_labels_and_for_a_measure_afterwards() -> None:
    texts = other_texts(DOCUMENT)
    assert len(texts) >= LABELLED + MEASURED
    assert {text.label for text in texts} == {"negative", "positive"}
    assert not {text.text for text in texts} & {text.text for text in familiar_texts(DOCUMENT)}


def test_its_parameters_are_sound() -> None:
    chosen = parameters.load(ROOT / "params" / "loop.yaml")
    assert chosen.retrain.minimum_labels < LABELLED
