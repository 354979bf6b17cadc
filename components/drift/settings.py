"""How hard drift is looked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from components.contract.settings import require


@dataclass(frozen=True)
class DetectorSettings:
    """What every detector is made with.

    Attributes:
        alpha: A test's significance level: of a detector that looks at windows, how often one
            window alone would be called drifted by chance; of the sequential test, how often a
            whole stream without drift would ever be.
        permutations: Shuffles in a permutation test; its smallest p-value is 1/(n + 1).
        feedback_run: Feedback, on average, between two false alarms of the test on errors.
        seed: Of all shuffles and ties: the same rows give the same answer.
    """

    alpha: float = 0.01
    permutations: int = 299
    feedback_run: int = 1_000
    seed: int = 13

    def check(self) -> None:
        """Refuse values that can't work; raises `InputError` `bad_parameter`."""
        self.within("alpha", 1e-6, 0.2)
        self.within("permutations", 19, 100_000)
        self.within("feedback_run", 100, 10**7)
        require(
            self.alpha * (self.permutations + 1) >= 1,
            "drift.permutations",
            f"must be at least {1 / self.alpha - 1:.0f} for drift.alpha {self.alpha}: fewer never "
            "reach it",
        )

    def within(self, name: str, least: float, most: float) -> None:
        """Refuse a setting outside its range; raises `InputError` `bad_parameter`."""
        value = getattr(self, name)
        require(
            least <= value <= most,
            f"drift.{name}",
            f"must be between {least} and {most}, not {value}",
        )


@dataclass(frozen=True)
class CheckSettings(DetectorSettings):
    """How a file is checked.

    Attributes:
        text_column: The text's column.
        label_column: The true label's column; rows without one are fine.
        every_rows: Rows between two looks at what the tests say: the resolution of the plots.
        form: How the file is written; empty goes by its ending, lines of text being the rest.
    """

    text_column: str = "text"
    label_column: str = "label"
    every_rows: int = 100
    form: Literal["", "jsonl", "csv", "text"] = ""

    def check(self) -> None:
        super().check()
        self.within("every_rows", 1, 10_000)
