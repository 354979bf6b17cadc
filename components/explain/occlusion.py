"""What a decision loses when a word is taken away: for any classifier.

Zeiler and Fergus 2014 (https://arxiv.org/abs/1311.2901) hid patches of images; Li et al. 2016
(https://arxiv.org/abs/1612.08220) erase words.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from components.contract.calibration import Probabilities
from components.contract.classifier import Classifier
from components.explain.exact import Parts
from components.explain.explanation import Mark, grouped
from components.explain.words import merged, words

OCCLUSIONS = 256
"""Most texts that are scored for one explanation; of a longer one, runs of words are taken away."""
OCCLUDED_CHARACTERS = 4_000_000
"""Most characters in all those texts, some ten seconds of tokenizing on one core."""
BATCH = 32
"""Texts scored at once; bounds memory."""


def occlusion(classifier: Classifier, text: str, label: int) -> Parts:
    """Take each word away in turn and see what becomes of the label's log-odds.

    Args:
        classifier: Any.
        text: A normalised text.
        label: The label's index.

    Returns:
        What an explanation is made of, in nats; the terms don't sum to the total, since words say
        things together.
    """
    spans = merged(words(text), min(OCCLUSIONS, max(1, OCCLUDED_CHARACTERS // len(text))))
    occluded = [text[:start] + text[end:] for start, end in spans]
    total = float(log_odds(classifier.predict_proba([text]), label)[0])
    without = [
        log_odds(classifier.predict_proba(occluded[start : start + BATCH]), label)
        for start in range(0, len(occluded), BATCH)
    ]
    lost = (total - np.concatenate(without)).tolist() if spans else []
    marks = tuple(Mark(*span, weight) for span, weight in zip(spans, lost, strict=True))
    return 0.0, total, grouped((text[m.start : m.end], m.weight) for m in marks), marks


def log_odds(probabilities: Probabilities, label: int) -> npt.NDArray[np.float64]:
    """Log-odds of a label, in nats.

    Args:
        probabilities: (n, k) float32.
        label: The label's index.

    Returns:
        (n,) float64; the others are summed rather than taken from 1, which float32 would round.
    """
    exact = probabilities.astype(np.float64)
    others = np.delete(exact, label, axis=1).sum(axis=1)
    least = math.exp(-80)  # below what float32's softmax tells from 0
    own, others = np.maximum(exact[:, label], least), np.maximum(others, least)
    odds: npt.NDArray[np.float64] = np.log(own / others)
    return odds
