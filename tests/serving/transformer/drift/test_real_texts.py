"""Real texts through a real bundle: another source is drift, held-out texts are none."""

import random
from pathlib import Path

import pytest

from components.drift.reference import read_reference
from tests.conftest import reviews
from tests.serving.transformer.drift.conftest import Worker
from tests.serving.transformer.drift.rows import answers, window_of


@pytest.fixture(scope="module")
def held_out() -> list[str]:
    """Rotten Tomatoes sentences that the bundle was not trained on, shuffled."""
    trained = set(reviews(each=300))
    texts = [text for text, label in reviews() if (text, label) not in trained]
    random.Random(0).shuffle(texts)
    return texts


def test_another_source_is_drift(worker: Worker, bundle: Path) -> None:
    worker.prepare(read_reference(bundle / "reference.safetensors"))
    texts = [text for text, _ in reviews("imdb", each=150)]
    found = worker.score(window_of(answers(bundle, texts)))
    for name in ("features_mmd", "lengths_ks", "probabilities_ks"):
        assert found[name]["significant"], name


def test_held_out_texts_of_the_same_source_are_none(
    worker: Worker, bundle: Path, held_out: list[str]
) -> None:
    worker.prepare(read_reference(bundle / "reference.safetensors"))
    for start in range(0, 1_500, 300):
        found = worker.score(window_of(answers(bundle, held_out[start : start + 300])))
        assert not [name for name, score in found.items() if score["significant"]]
