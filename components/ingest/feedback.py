"""Labelled rows that came back from a service, beside those that a model was first trained on.

Their labels are names already. A *fresh* row was answered by the present champion, which therefore
was not trained on it: a larger share of these is held out, so that champion and challenger can be
compared on what the service is asked today. Once another champion has taken over they are ordinary
feedback and follow the dataset's own split rule; a row that this rule holds out is held out as a
fresh one too, so nothing that was ever trained on becomes a test row.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from components.contract.normalise import normalise
from components.contract.split import SplitRule
from components.ingest.settings import FRESH, ORIGIN, SOURCE, IngestSettings, SourceSettings
from components.ingest.sources import BrokenRow, FileSource, Row, SkippedRows, Source, open_source

COLUMNS = ("text", "label", ORIGIN)


class FeedbackRow(dict[str, str]):
    """A row whose label is a name, whatever the source calls its own labels.

    Args:
        text: The text.
        label: The label's name.
        origin: `fresh` or `feedback`.
    """

    def __init__(self, text: str, label: str, origin: str) -> None:
        super().__init__()
        self.text, self.label, self.origin = text, label, origin


@dataclass(frozen=True)
class WithFeedback:
    """A source's rows, then the feedback's; see `Source`.

    Attributes:
        source: The rows that were there before.
        feedback: The service's, with the columns text, label and origin.
    """

    source: Source
    feedback: Source

    def fingerprint(self) -> str:
        """Both sources' identities."""
        return f"{self.source.fingerprint()}+{self.feedback.fingerprint()}"

    def rows(self) -> Iterator[Row]:
        """The source's rows with the origin `source`, then the feedback's."""
        yield from with_origin(self.source.rows())
        yield from returned(self.feedback)


def with_origin(rows: Iterable[Row]) -> Iterator[Row]:
    """A source's rows with the origin `source`."""
    for row in rows:
        yield row if isinstance(row, BrokenRow | SkippedRows) else {**row, ORIGIN: SOURCE}


def returned(feedback: Source) -> Iterator[Row]:
    """The feedback's rows alone."""
    for row in feedback.rows():
        if isinstance(row, BrokenRow):
            yield row
        else:
            text, label, origin = (str(row[name] or "") for name in COLUMNS)
            yield FeedbackRow(text, label, origin)


def open_feedback(settings: IngestSettings) -> FileSource | None:
    """The feedback that the settings name, None when they name none; raises as `open_source`."""
    if settings.feedback is None:
        return None
    return open_source(SourceSettings(settings.feedback.uri, slices=(ORIGIN,)))


def with_feedback(source: Source, settings: IngestSettings) -> Source:
    """A source with the feedback that the settings name; the source itself when they name none.

    Args:
        source: The rows that were there before.
        settings: The stage's settings.

    Returns:
        The source of all rows.

    Raises:
        InputError: As `open_source`.
    """
    feedback = open_feedback(settings)
    return source if feedback is None else WithFeedback(source, feedback)


class FreshRows:
    """Tells which feedback is held out by the fresh rows' own shares.

    A fresh text that the source has too, but for case and punctuation, isn't fresh: the champion
    may have been trained on it.

    Args:
        feedback: The feedback; without it no row is fresh.
        settings: The stage's settings.
        known: Positions of fresh texts that were met already, as `known` told them.

    Attributes:
        known: Positions (see `SplitRule`) of the fresh texts that the source has too.
    """

    def __init__(
        self, feedback: Source | None, settings: IngestSettings, known: Iterable[float] = ()
    ) -> None:
        self._rule = settings.split.rule
        self.known: set[float] = set(known)
        self._fresh: set[float] = set()
        own = settings.feedback
        self._fresh_rule = own.fresh_rule(settings.split) if own else self._rule
        for row in returned(feedback) if feedback is not None else ():
            if isinstance(row, FeedbackRow) and row.origin == FRESH:
                with contextlib.suppress(UnicodeEncodeError):  # it will be rejected
                    self._fresh.add(self._rule.position(normalise(row.text)))

    def met(self, text: str) -> None:
        """Notice a normalised text of the source."""
        if self._fresh and (position := self._rule.position(text)) in self._fresh:
            self.known.add(position)

    def rule(self, row: FeedbackRow, text: str) -> tuple[str, SplitRule]:
        """A feedback row's origin and split rule.

        Args:
            row: The row.
            text: Its normalised text.

        Returns:
            `fresh` with the fresh rows' rule, or `feedback` with the dataset's own.
        """
        if row.origin == FRESH and self._rule.position(text) not in self.known:
            return FRESH, self._fresh_rule
        return "feedback", self._rule
