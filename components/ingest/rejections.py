"""Rows that aren't taken: counted by reason, with samples to look at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REASONS = (
    "conflicting_duplicate",
    "duplicate",
    "empty",
    "malformed",
    "over_long",
    "undecodable",
    "unknown_label",
)
NORMAL = "duplicate"
"""Every collected set of texts has exact duplicates; they say nothing about its quality."""

SAMPLES = 14
"""Samples of each reason, so that all seven together stay under a hundred."""
EXCERPT_CHARACTERS = 80


@dataclass
class Rejections:
    """Counts and samples of rejected rows.

    Which rows are sampled depends on their texts alone, never on the order of the input.

    Attributes:
        counts: Reason -> rows.
    """

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    _samples: dict[str, dict[bytes, tuple[str, int]]] = field(
        default_factory=lambda: {reason: {} for reason in REASONS}
    )

    @property
    def total(self) -> int:
        """All rejected rows."""
        return sum(self.counts.values())

    @property
    def bad(self) -> int:
        """Rejected rows that count toward the limit."""
        return self.total - self.counts[NORMAL]

    def add(self, reason: str, text: str, row: int, count: int = 1, digest: bytes = b"") -> None:
        """Count rejected rows of one text.

        Args:
            reason: One of `REASONS`.
            text: The text, or what there is of it.
            row: The first such row's number, from 1.
            count: How many rows.
            digest: The text's, by which it is sampled; of the excerpt by default.
        """
        self.counts[reason] += count
        excerpt = text[:EXCERPT_CHARACTERS].encode("utf-8", "replace").decode()
        key = digest or hashlib.blake2b(excerpt.encode(), digest_size=16).digest()
        self._sample(reason, key, excerpt, row)

    def as_facts(self) -> dict[str, Any]:
        """Counts and samples as JSON knows them, for `include`."""
        samples = {
            reason: [[key.hex(), *sample] for key, sample in sorted(chosen.items())]
            for reason, chosen in self._samples.items()
        }
        return {"counts": dict(self.counts), "samples": samples}

    def include(self, facts: Mapping[str, Any], numbered: Callable[[int], int]) -> None:
        """Count what was rejected elsewhere.

        Args:
            facts: What `as_facts` told there.
            numbered: The number here of a row there.
        """
        for reason, count in facts["counts"].items():
            self.counts[reason] += count
        for reason, samples in facts["samples"].items():
            for key, excerpt, row in samples:
                self._sample(reason, bytes.fromhex(key), excerpt, numbered(row))

    def _sample(self, reason: str, key: bytes, excerpt: str, row: int) -> None:
        samples = self._samples[reason]
        first = samples[key][1] if key in samples else row
        samples[key] = excerpt, min(first, row)
        if len(samples) > SAMPLES:
            del samples[max(samples)]

    def excerpts(self) -> list[tuple[str, str]]:
        """Reason and excerpt of each sampled row."""
        return [
            (reason, text)
            for reason in REASONS
            for _, (text, _) in sorted(self._samples[reason].items())
        ]

    def write(self, file: Path) -> list[int]:
        """Write the samples as JSON Lines.

        Args:
            file: The file; each line has `reason` and `text`.

        Returns:
            The row number of each line. Numbers depend on the input's order, and equal data must
            be equal bytes, so they aren't in the file.
        """
        rows = []
        with file.open("w", encoding="utf-8") as stream:
            for reason in REASONS:
                for _, (text, row) in sorted(self._samples[reason].items()):
                    sample = {"reason": reason, "text": text}
                    stream.write(json.dumps(sample, ensure_ascii=False) + "\n")
                    rows.append(row)
        return rows
