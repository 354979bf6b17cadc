"""One forward pass a text; a batch that fails is split until the text at fault stands alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.contract import logs
from components.contract.calibration import Probabilities, softmax
from components.contract.encoding import from_rows
from serving.predictor.served import Served
from serving.predictor.ticket import Item


@dataclass(frozen=True)
class Scored:
    """The scores of b texts.

    Attributes:
        items: The texts.
        probabilities: (b, k) float32.
        features: (b, d) float32.
        sound: (b,) bool, whether a text's probabilities are numbers.
    """

    items: Sequence[Item]
    probabilities: Probabilities
    features: npt.NDArray[np.float32]
    sound: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Failed:
    """A text that the model can't score."""

    item: Item


def score(served: Served, items: Sequence[Item]) -> Iterator[Scored | Failed]:
    """Score texts of one model.

    Args:
        served: The model.
        items: b texts.

    Yields:
        Each text's scores or failure, once.
    """
    try:
        scores = served.classifier.score(from_rows([item.ids for item in items]))
        probabilities = softmax(scores.logits, served.classifier.temperature)
    except Exception as error:  # noqa: BLE001 - whatever a model raises, its neighbours go on
        if len(items) == 1:
            logs.event("scoring_failed", error=type(error).__name__, tokens=items[0].cost)
            yield Failed(items[0])
            return
        middle = len(items) // 2
        yield from score(served, items[:middle])
        yield from score(served, items[middle:])
        return
    sound = np.isfinite(probabilities).all(axis=1)
    yield Scored(items, probabilities, scores.features, sound)
