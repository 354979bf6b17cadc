"""What the epoch loop asks of a training framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy.typing as npt

from components.contract.encoding import Lengths
from components.training.batches import Rows

Arrays = Mapping[str, npt.NDArray[Any]]
"""Weights, or an optimizer's moments, by name."""


class Learner(Protocol):
    """A network, its optimizer and its rows, in one framework.

    Attributes:
        rank: This process's number among those that train together.
        processes: How many train together.
        lengths: (n,) tokens in each training row, as the network sees them.
        validates: Whether there are validation rows.
    """

    rank: int
    processes: int
    lengths: Lengths
    validates: bool

    def step(self, group: list[Rows], factor: float, seed: int) -> float:
        """One step of the optimizer over the rows of a group of batches.

        Args:
            group: Row numbers by batch; their gradients make one step.
            factor: What the peak learning rates are multiplied by.
            seed: Decides the step's dropout.

        Returns:
            The rows' mean loss in nats; the step is not taken when it isn't a finite number.
        """
        ...

    def evaluate(self) -> tuple[float, float]:
        """Log loss after calibration, in nats, and accuracy on the validation rows."""
        ...

    def sum(self, *values: float) -> list[float]:
        """Numbers summed over all processes."""
        ...

    def weights(self) -> Arrays:
        """The network's weights as they are now."""
        ...

    def moments(self) -> Arrays:
        """The optimizer's state as it is now."""
        ...

    def restore(self, weights: Arrays, moments: Arrays | None = None) -> None:
        """Put weights back, and an optimizer's state when there is one."""
        ...
