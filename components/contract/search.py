"""What of an architecture's settings is worth searching, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reals:
    """Numbers from `low` to `high`; evenly in their logarithm where `log`."""

    low: float
    high: float
    log: bool = False

    def contains(self, value: Any) -> bool:
        """Whether a value is one of them."""
        return isinstance(value, float | int) and self.low <= value <= self.high


@dataclass(frozen=True)
class Whole:
    """Whole numbers from `low` to `high`, both among them; as `Reals`."""

    low: int
    high: int
    log: bool = False

    def contains(self, value: Any) -> bool:
        """Whether a value is one of them."""
        return isinstance(value, int) and self.low <= value <= self.high


@dataclass(frozen=True)
class OneOf:
    """Values without an order."""

    values: tuple[str | int | float | bool | None, ...]

    def contains(self, value: Any) -> bool:
        """Whether a value is one of them."""
        return value in self.values


Range = Reals | Whole | OneOf


@dataclass(frozen=True)
class Search:
    """An architecture's search space: the variable `SEARCH` of its folder's `search.py`.

    Attributes:
        space: Setting -> where its values are looked for.
        always: Setting -> the value that every trial has, e.g. to look more often than usual.
    """

    space: Mapping[str, Range]
    always: Mapping[str, Any] = field(default_factory=dict)
