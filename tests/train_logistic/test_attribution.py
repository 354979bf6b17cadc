"""What each n-gram adds: the whole logit, counted again in plain Python."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from components import catalogue
from components.contract.attribution import Additive
from components.train_logistic.model import LogisticClassifier

BITS, NGRAMS = 12, 3
STEP, FINISH, WORD = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93, 2**64 - 1
TEXTS = ["a good film , a good plot", "bad bad bad bad", "好看 🎬 好看", "", "x"]


def model(tokens: Path, binary: bool) -> LogisticClassifier:
    """Weights of no meaning for half of all features."""
    generator = np.random.default_rng(3)
    most = 1 if binary else 3  # a binary feature's own weight is 1
    index = np.sort(generator.choice(1 << BITS, 1 << (BITS - 1), replace=False))
    return LogisticClassifier(
        ("a", "b", "c"),
        catalogue.tokenizer("bpe").load(tokens),
        index,
        generator.uniform(1, most, len(index)).astype("f4"),
        generator.normal(size=(len(index), 3)).astype("f4"),
        generator.normal(size=3).astype("f4"),
        NGRAMS,
        BITS,
        binary,
    )


def hashed(gram: tuple[int, ...]) -> int:
    key = gram[0] + 1
    for token in gram[1:]:
        key = (key * STEP + token + 1) & WORD
    return ((key * FINISH) & WORD) >> (64 - BITS)


@pytest.mark.parametrize("binary", [True, False], ids=["nb", "idf"])
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_every_ngram_adds_its_weight_times_its_value(text: str, binary: bool, tokens: Path) -> None:
    classifier = model(tokens, binary)
    assert isinstance(classifier, Additive)
    encoding = classifier.tokenizer.encode([text])
    ids = encoding.ids.tolist()
    places = [(i, i + n) for n in range(1, NGRAMS + 1) for i in range(len(ids) - n + 1)]
    rows = {int(feature): row for row, feature in enumerate(classifier._index)}
    features = {place: hashed(tuple(ids[slice(*place)])) for place in places}
    counts = Counter(f for f in features.values() if f in rows)
    values = {
        f: 1.0 if binary else (1 + math.log(n)) * float(classifier._idf[rows[f]])
        for f, n in counts.items()
    }
    norm = 1.0 if binary else math.sqrt(sum(value**2 for value in values.values()))
    for label in range(3):
        found = classifier.attribute(encoding, label)
        expected = {
            place: values[f] / norm * float(classifier._weights[rows[f], label]) / counts[f]
            for place, f in features.items()
            if f in rows
        }
        spans = zip(found.first.tolist(), found.end.tolist(), strict=True)
        assert dict(zip(spans, found.added.tolist(), strict=True)) == pytest.approx(expected)
        logit = classifier.logits(encoding)[0, label]
        assert found.base + found.added.sum() == pytest.approx(logit, abs=1e-5)
