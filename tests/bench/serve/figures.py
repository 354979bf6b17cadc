"""Repeated, interleaved measurements as medians with their range."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench.serve.load import Measured


@dataclass
class Series:
    """One row's measurements.

    Attributes:
        name: The row.
        one: With one client.
        many: With 32.
    """

    name: str
    one: list[Measured] = field(default_factory=list)
    many: list[Measured] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Median requests a second with many clients."""
        return statistics.median(m.rate for m in self.many)

    @property
    def p50_alone(self) -> float:
        """Median of the median latencies with one client, ms."""
        return statistics.median(m.p50_ms for m in self.one)

    @property
    def p99(self) -> float:
        """Median of the 99th percentiles with many clients, ms."""
        return statistics.median(m.p99_ms for m in self.many)

    @property
    def errors(self) -> int:
        """Requests that failed, in all."""
        return sum(m.errors for m in (*self.one, *self.many))

    def cells(self) -> list[str]:
        """Table cells: one client's rate and p50/p99, many clients' likewise, errors."""
        return [
            spread([m.rate for m in self.one]),
            f"{self.p50_alone:.1f} / {statistics.median(m.p99_ms for m in self.one):.1f}",
            spread([m.rate for m in self.many]),
            f"{statistics.median(m.p50_ms for m in self.many):.0f} / {self.p99:.0f}",
            str(self.errors),
        ]


def spread(values: Sequence[float]) -> str:
    """`median (least-most)`."""
    return f"{statistics.median(values):,.0f} ({min(values):,.0f}-{max(values):,.0f})"


def verdict(kept: bool) -> str:
    """How a bar was met."""
    return "kept" if kept else "MISSED"
