"""Parameters of a search that runs as a pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from components.contract.settings import require

TRIALS = 100
"""Each is a pod and an iteration of a loop; KFP's driver lists a run's executions before each."""


@dataclass(frozen=True)
class TuneSettings:
    """How many settings a pipeline tries.

    Attributes:
        trials: Settings tried of each architecture, the parameter file's own among them.
        parallel: How many of them at once.
    """

    trials: int = 16
    parallel: int = 4

    def check(self) -> None:
        """Refuse values that can't work."""
        require(2 <= self.trials <= TRIALS, "trials", f"must be 2 to {TRIALS}, not {self.trials}")
        require(self.parallel >= 1, "parallel", f"must be at least 1, not {self.parallel}")
