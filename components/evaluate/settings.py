"""The parameters of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass

from components.contract.settings import require


@dataclass(frozen=True)
class Expectation:
    """A text so plain that any model worth serving gets it right.

    Attributes:
        text: The text.
        label: The label it must get.
    """

    text: str
    label: str


@dataclass(frozen=True)
class EvaluateSettings:
    """How a bundle is evaluated.

    Attributes:
        bootstrap: Resamples behind each confidence interval.
        bins: Equal-width confidence bins of the calibration error.
        behaviour_rows: Test rows that the behaviour tests perturb.
        minimum_function: Texts with the label they must get.
        seed: Seeds the bootstrap.
    """

    bootstrap: int = 2_000
    bins: int = 15
    behaviour_rows: int = 200
    minimum_function: tuple[Expectation, ...] = ()
    seed: int = 13

    def check(self) -> None:
        """Refuse values that can't work."""
        require(self.bootstrap >= 100, "bootstrap", "must be at least 100")
        require(1 <= self.bins <= 1_000, "bins", "must be between 1 and 1000")
        require(self.behaviour_rows >= 0, "behaviour_rows", "must be at least 0")
        require(self.seed >= 0, "seed", "must be at least 0")
