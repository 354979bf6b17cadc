"""The parameters of registration and of the promotion gate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from components.contract.settings import require

Metric = Literal["accuracy", "macro_f1"]
"""Macro-F1 weighs every label the same, however rare; accuracy weighs every row the same."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class RetrainSettings:
    """How a challenger of a retraining is compared; see `fresh`.

    Attributes:
        champion: Digest of the bundle that the fresh rows are fresh to; another champion has to
            be compared on rows of its own.
        margin: What the metric may lose on the old test rows, in shares.
        fresh_rows: Least number of fresh test rows.
    """

    champion: str
    margin: float = 0.02
    fresh_rows: int = 100

    def check(self) -> None:
        """Refuse values that can't work."""
        require(0 <= self.margin < 1, "margin", "must be between 0 and 1")
        require(self.fresh_rows >= 1, "fresh_rows", "must be at least 1")


@dataclass(frozen=True)
class RegisterSettings:
    """Where models are registered and what promotes one.

    Attributes:
        model_name: The registered model.
        experiment: The MLflow experiment.
        metric: What a challenger must be better at.
        floor: Least value of the metric on the test split, champion or not.
        alpha: Significance level of the comparison, and of all slices together.
        slice_margin: Accuracy that a slice may lose, in shares.
        slice_rows: Slices with fewer test rows aren't compared.
        retrain: For a dataset with fresh rows: compare on these; None compares on all rows.
    """

    model_name: str = "tamis"
    experiment: str = "tamis"
    metric: Metric = "accuracy"
    floor: float = 0.6
    alpha: float = 0.05
    slice_margin: float = 0.05
    slice_rows: int = 100
    retrain: RetrainSettings | None = None

    def check(self) -> None:
        """Refuse values that can't work."""
        for name in ("model_name", "experiment"):
            value = getattr(self, name)
            require(
                _NAME.fullmatch(value) is not None,
                name,
                f"must be letters, digits, '.', '_' or '-', not {value!r}",
            )
        require(0 <= self.floor <= 1, "floor", "must be between 0 and 1")
        require(0 < self.alpha < 1, "alpha", "must be between 0 and 1")
        require(0 <= self.slice_margin < 1, "slice_margin", "must be between 0 and 1")
        require(self.slice_rows >= 1, "slice_rows", "must be at least 1")
