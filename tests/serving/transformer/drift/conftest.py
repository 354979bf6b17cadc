"""One real worker process for each set of detectors."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from components.drift.detectors.table import DETECTORS
from components.drift.reference import Reference
from components.drift.window import Window
from serving.transformer.drift.fresh import Fresh
from serving.transformer.drift.settings import DriftSettings
from serving.transformer.drift.supervisor import Supervisor

SETTINGS = DriftSettings(feedback_run=200)


class Worker:
    """Scores windows in a worker process.

    Args:
        detectors: Which set of them.
    """

    def __init__(self, detectors: str) -> None:
        self.detectors, self.restarts = detectors, 0
        settings = replace(SETTINGS, detectors=detectors)
        self.supervisor = Supervisor(settings, lambda: None, self._restarted)
        self._prepared = 0

    def prepare(self, reference: Reference) -> None:
        """Forget what went before."""
        self._prepared += 1
        assert self.supervisor.prepare(f"bundle {self._prepared}", reference)
        fresh = Fresh(reference.features.shape[1], reference.probabilities.shape[1])
        self.nothing = fresh.take()

    def score(self, window: Window) -> dict[str, dict[str, object]]:
        """Each detector's score, by its name, with `significant`."""
        scores = self.supervisor.score(window, self.nothing)["scores"]
        return {s["detector"]: {**s, "significant": s["score"] > s["threshold"]} for s in scores}

    def _restarted(self) -> None:
        self.restarts += 1


@pytest.fixture(scope="session", params=sorted(DETECTORS))
def worker(request: pytest.FixtureRequest) -> Iterator[Worker]:
    """A worker with each set in turn; alibi-detect's takes a while to start."""
    worker = Worker(request.param)
    yield worker
    worker.supervisor.close()


@pytest.fixture
def generator() -> np.random.Generator:
    """Chance that is the same every time."""
    return np.random.default_rng(5)
