from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from components.ingest.settings import IngestSettings, SourceSettings

ReviewWriter = Callable[..., Path]


class Listed:
    """A source of rows in memory: another real implementation of the protocol."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.listed = rows

    def fingerprint(self) -> str:
        return hashlib.sha256(json.dumps(self.listed, default=str).encode()).hexdigest()

    def rows(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.listed)


@pytest.fixture
def listed() -> Callable[[Iterable[tuple[Any, ...]]], Listed]:
    """Make a source from (text, label) or (text, label, slice) tuples."""
    return lambda rows: Listed(
        [dict(zip(("text", "label", "from"), r, strict=False)) for r in rows]
    )


@pytest.fixture
def settings() -> Callable[..., IngestSettings]:
    """Make settings; keywords of the source are given as `source={...}`."""

    def make(source: Mapping[str, Any] | None = None, **ingest: Any) -> IngestSettings:
        return IngestSettings(SourceSettings(**{"uri": "memory", **(source or {})}), **ingest)

    return make


@pytest.fixture
def reviews() -> list[tuple[str, str]]:
    """Three hundred different texts, half of each label, sorted by label as files often are."""
    return [(f"review number {i} is a text of its own", str(i // 150)) for i in range(300)]


@pytest.fixture
def write_csv(tmp_path: Path) -> ReviewWriter:
    """Write rows to a CSV file in the test's folder."""

    def write(
        rows: Iterable[Sequence[Any]],
        name: str = "reviews.csv",
        header: Sequence[str] = ("text", "label"),
    ) -> Path:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(header)
            writer.writerows(rows)
        return path

    return write
