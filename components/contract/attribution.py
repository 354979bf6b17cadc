"""What each stretch of a text added to a label's logit, from classifiers that can tell exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from components.contract.encoding import Encoding


@dataclass(frozen=True)
class Attribution:
    """A label's logit as a sum: `base` and every one of m parts.

    Attributes:
        base: What the label has without any text.
        first: (m,) int64, each part's first token.
        end: (m,) int64, one past its last.
        added: (m,) float64, what it adds to the logit, before temperature and softmax.
    """

    base: float
    first: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    added: npt.NDArray[np.float64]


@runtime_checkable
class Additive(Protocol):
    """A classifier whose logits are sums over stretches of tokens."""

    def attribute(self, encoding: Encoding, label: int) -> Attribution:
        """The parts of a label's logit for an encoding of one text; they sum to it."""
        ...
