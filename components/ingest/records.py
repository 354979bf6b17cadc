"""Source rows to records, or to rejections with a reason."""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from components.contract.dataset import SPLITS
from components.contract.logs import Progress
from components.contract.normalise import normalise
from components.ingest.feedback import FeedbackRow, FreshRows
from components.ingest.labels import Labels
from components.ingest.rejections import Rejections
from components.ingest.settings import IngestSettings
from components.ingest.sources import BrokenRow, Row, SkippedRows

RAW_CHARACTERS = 2**20
"""Longer raw texts are over-long before they are normalised, which takes time and memory."""
_PROGRESS_ROWS = 1_000


class Record(NamedTuple):
    """An accepted row.

    Attributes:
        digest: 16 bytes of BLAKE2b over the normalised text's UTF-8.
        label: Provisional label number.
        row: Number in the source, from 1.
        split: Place in `SPLITS`.
        text: The normalised text.
        slices: Values of the slice columns.
    """

    digest: bytes
    label: int
    row: int
    split: int
    text: str
    slices: tuple[str, ...]


class Screening:
    """Normalises rows and takes those that are fit.

    Args:
        settings: What is fit.
        labels: Numbers the labels.
        rejections: Counts what isn't taken.
        fresh: Tells which feedback is fresh.

    Attributes:
        rows_in: Rows that matched `where`, broken ones counted.
        rows_filtered: Rows that didn't, or that no annotator has labelled.
        last: Number of the last row, skipped ones counted, once all were asked for.
    """

    def __init__(
        self,
        settings: IngestSettings,
        labels: Labels,
        rejections: Rejections,
        fresh: FreshRows | None = None,
    ) -> None:
        self._settings, self._labels, self._rejections = settings, labels, rejections
        self._fresh = fresh
        self.rows_in = self.rows_filtered = self.last = 0

    def records(self, rows: Iterable[Row], before: int = 0) -> Iterator[Record]:
        """The records among rows; the others are counted.

        Args:
            rows: Rows of a source.
            before: How many rows stand before them; the first one's number is one more.

        Yields:
            Records, in the rows' order.

        Raises:
            InputError: `too_many_labels`.
        """
        source, rule = self._settings.source, self._settings.split.rule
        places = {name: place for place, name in enumerate(SPLITS)}
        progress = Progress("ingest", 0)
        self.last = before
        for row in rows:
            if isinstance(row, SkippedRows):
                self.last += row.count
                continue
            self.last = number = self.last + 1
            seen = self.rows_in + self.rows_filtered
            if seen and seen % _PROGRESS_ROWS == 0:
                progress.update(seen, rejected=self._rejections.total)
            if isinstance(row, BrokenRow):
                self.rows_in += 1
                self._rejections.add(row.reason, row.excerpt, number)
                continue
            if isinstance(row, FeedbackRow):
                self.rows_in += 1
                if (record := self._returned(row, number, places)) is not None:
                    yield record
                continue
            if source.where and not _matches(row, source.where):
                self.rows_filtered += 1
                continue
            label_cell = row[source.label_column]
            if isinstance(label_cell, list | tuple) and not label_cell:  # no annotator's yet
                self.rows_filtered += 1
                continue
            self.rows_in += 1
            raw = row[source.text_column]
            text = as_text(raw)
            reason, text = ("malformed", str(raw)) if text is None else self._screened(text)
            label = None
            if not reason:
                reason, label = self._label(label_cell)
            if reason or label is None:
                self._rejections.add(reason, text, number)
                continue
            if self._fresh is not None:
                self._fresh.met(text)
            yield Record(
                hashlib.blake2b(text.encode(), digest_size=16).digest(),
                label,
                number,
                places[rule.split(text)],
                text,
                tuple(_slice(row[name]) for name in self._settings.slices),
            )

    def _returned(self, row: FeedbackRow, number: int, places: Mapping[str, int]) -> Record | None:
        """The record of a row from a service; its slices but the origin are unknown."""
        assert self._fresh is not None
        reason, text = self._screened(row.text)
        label = None if has_surrogate(row.label) else self._labels.named(row.label)
        if reason or label is None:
            self._rejections.add(reason or "unknown_label", text, number)
            return None
        origin, rule = self._fresh.rule(row, text)
        slices = *("" for _ in self._settings.source.slices), origin
        digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
        return Record(digest, label, number, places[rule.split(text)], text, slices)

    def _screened(self, raw: str) -> tuple[str, str]:
        """The reason to reject a text, or "", and the normalised text."""
        if len(raw) > RAW_CHARACTERS:
            return "over_long", raw
        if not raw.isascii() and has_surrogate(raw):
            return "undecodable", raw
        text = normalise(raw)
        if not text:
            return "empty", raw
        return "over_long" if len(text) > self._settings.max_characters else "", text

    def _label(self, raw: Any) -> tuple[str, int | None]:
        """The reason to reject a label, or "", and its number."""
        if isinstance(raw, list | tuple):
            raw = agreed(raw)
            if raw is None:
                return "conflicting_duplicate", None
        label = as_text(raw)
        number = None if label is None or has_surrogate(label) else self._labels.number(label)
        return "" if number is not None else "unknown_label", number


def agreed(answers: Sequence[Any]) -> Any:
    """What most of a row's annotators say; None when as many say something else.

    Args:
        answers: One an annotator, at least one.

    Returns:
        The answer, as the first to give it wrote it.
    """
    written = {str(answer): answer for answer in reversed(answers)}
    (first, most), *others = collections.Counter(map(str, answers)).most_common(2)
    return None if any(count == most for _, count in others) else written[first]


def as_text(value: Any) -> str | None:
    """A cell as text: "" for nothing, None for lists and mappings, which have no text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return None if isinstance(value, list | tuple | Mapping) else str(value)


def has_surrogate(text: str) -> bool:
    """Whether a text holds a byte or half of a surrogate pair that is no character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _matches(row: Row, where: Mapping[str, str]) -> bool:
    return all(as_text(row[column]) == value for column, value in where.items())


def _slice(value: Any) -> str:
    text = as_text(value)
    return (str(value) if text is None else text).encode("utf-8", "replace").decode().strip()
