"""alibi-detect on the same streams: each window of new texts is a test at the same alpha."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from components.drift.detectors.alibi import FeatureLsdd, FeatureMmd, LengthKs, ProbabilityKs
from components.drift.settings import DetectorSettings
from components.drift.window import Window
from tests.bench.drift.materials import Materials, Pool
from tests.bench.drift.streams import CLEAN_ROWS, chance, drawn

ROWS = 200
PEERS = (FeatureLsdd, FeatureMmd, LengthKs, ProbabilityKs)
SETTINGS = DetectorSettings(permutations=99)
"""As few shuffles as reach 1 %: the least that it costs them."""


class Peers:
    """The detectors, made once."""

    def __init__(self, made: Materials) -> None:
        warnings.simplefilter("ignore")
        self._made = made
        self._detectors = {kind.name: kind(made.reference, SETTINGS) for kind in PEERS}

    def first_alarms(self, stream: Callable[[Materials, int], Pool], number: int) -> dict[str, int]:
        """Detector -> the text with which it first said drift; 0 for never."""
        pool = stream(self._made, number)
        found = dict.fromkeys(self._detectors, 0)
        for start in range(0, len(pool) - ROWS + 1, ROWS):
            part = pool.stream.take(slice(start, start + ROWS))
            window = Window(part.features, part.probabilities, part.lengths, np.zeros(0, np.bool_))
            for name, detector in self._detectors.items():
                if not found[name]:
                    score = detector.score(window)
                    # The smallest p-value of 99 shuffles is 0.01 itself.
                    if score is not None and score.p_value is not None and score.p_value <= 0.01:
                        found[name] = start + ROWS
            if all(found.values()):
                break
        return found


def clean(made: Materials, number: int) -> Pool:
    return drawn(chance(number), made.pools["imdb"], CLEAN_ROWS)
