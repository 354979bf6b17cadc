"""How drift is looked for, and how much that may cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from components.contract.settings import require


@dataclass(frozen=True)
class DriftSettings:
    """The drift scorer's settings.

    Attributes:
        detectors: `own` needs numpy alone; `alibi` is alibi-detect, under the Business Source
            License 1.1, 600 MB of memory and fifteen seconds to start; `off`.
        window_rows: Rows in the sliding window.
        minimum_rows: No test before the window has as many.
        every_rows: Test when as many new rows have come,
        every_s: or when as many seconds have passed and there is a new one.
        cpu_share: Largest share of one core that testing may take; after a test the worker rests.
        alpha: A test's significance level: how often one window alone would be called drifted
            by chance.
        consecutive: Windows in a row, each with half of its rows new, that must be significant
            before `drifted` is said, and not significant before it is taken back.
        permutations: Shuffles in a permutation test; its smallest p-value is 1/(n + 1).
        feedback_run: Feedback, on average, between two false alarms of the test on errors.
        seed: Of all shuffles: the same window gives the same answer.
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
    alpha: float = 0.01
    consecutive: int = 3
    permutations: int = 299
    feedback_run: int = 1_000
    seed: int = 13
    start_s: float = 900.0
    answer_s: float = 120.0

    def check(self) -> None:
        """Refuse values that can't work; raises `InputError` `bad_parameter`."""
        for name, least, most in (
            ("window_rows", 20, 20_000),
            ("minimum_rows", 20, self.window_rows),
            ("every_rows", 1, 10**9),
            ("every_s", 0.1, 86_400),
            ("cpu_share", 0.001, 1),
            ("alpha", 1e-6, 0.2),
            ("consecutive", 1, 100),
            ("permutations", 19, 100_000),
            ("feedback_run", 100, 10**7),
            ("start_s", 1, 3_600),
            ("answer_s", 1, 3_600),
        ):
            value = getattr(self, name)
            require(
                least <= value <= most,
                f"drift.{name}",
                f"must be between {least} and {most}, not {value}",
            )
        require(
            self.alpha * (self.permutations + 1) >= 1,
            "drift.permutations",
            f"must be at least {1 / self.alpha - 1:.0f} for drift.alpha {self.alpha}: fewer never "
            "reach it",
        )
