"""How drift is looked for, and how much that may cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from components.drift.settings import DetectorSettings


@dataclass(frozen=True)
class DriftSettings(DetectorSettings):
    """The drift scorer's settings, those of its detectors among them.

    Attributes:
        detectors: `own` needs numpy alone; `alibi` is alibi-detect, under the Business Source
            License 1.1, 600 MB of memory and fifteen seconds to start; `off`.
        window_rows: Rows in the sliding window.
        minimum_rows: No test before the window has as many.
        every_rows: Test when as many new rows have come,
        every_s: or when as many seconds have passed and there is a new one.
        cpu_share: Largest share of one core that testing may take; after a test the worker rests.
        consecutive: Windows in a row, each with half of its rows new, that must be significant
            before `drifted` is said, and not significant before it is taken back.
        start_s: Longest wait for the worker to be ready, in seconds; alibi-detect's twenty seconds
            of one core become minutes beside busy servers, to which it always yields.
        answer_s: Longest wait for its answer, in seconds; then it is killed.
    """

    detectors: Literal["own", "alibi", "off"] = "own"
    window_rows: int = 500
    minimum_rows: int = 100
    every_rows: int = 250
    every_s: float = 10.0
    cpu_share: float = 0.05
    consecutive: int = 3
    start_s: float = 900.0
    answer_s: float = 120.0

    def check(self) -> None:
        super().check()
        self.within("window_rows", 20, 20_000)
        self.within("minimum_rows", 20, self.window_rows)
        self.within("every_rows", 1, 10**9)
        self.within("every_s", 0.1, 86_400)
        self.within("cpu_share", 0.001, 1)
        self.within("consecutive", 1, 100)
        self.within("start_s", 1, 3_600)
        self.within("answer_s", 1, 3_600)
