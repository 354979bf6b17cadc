"""Drift in a file: the service's tests, run over its rows in their order."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from components.catalogue import open_classifier
from components.contract.artifact import Manifest, publish, read_manifest, write_json
from components.contract.bundle import REFERENCE_FILE
from components.contract.calibration import softmax
from components.contract.classifier import Classifier
from components.contract.decorators import logged, timed, validated
from components.contract.normalise import normalise
from components.contract.text_marks import MARKS, mark
from components.drift.history import Episode, History
from components.drift.plots import draw
from components.drift.reference import Reference, read_reference
from components.drift.report import REPORT_FILE, write_report
from components.drift.rows import Row, Rows
from components.drift.settings import CheckSettings
from components.drift.stream import Stream
from components.drift.watch import Watch

KIND = "drift"
DIAGNOSIS_FILE = "diagnosis.json"
STAGE = "drift-check"


@logged(STAGE)
@timed(STAGE)
@validated
def check(file: Path, bundle: Path, out: Path, settings: CheckSettings) -> Manifest:
    """Look for drift in a file's texts, and publish what was found with an HTML page.

    Args:
        file: As `rows.Rows` reads it; rows in the order in which they came.
        bundle: The published bundle whose reference they are compared with.
        out: Where the directory is published: `diagnosis.json`, `report.html`, plots.
        settings: How hard to look.

    Returns:
        The manifest; its facts are `drifted`, `cause`, `rows`, `outcomes`, `bundle_digest`.

    Raises:
        InputError: As `Rows.__iter__` and `read_reference`.
        IntegrityError: As `open_classifier`.
    """
    opened, classifier = open_classifier(bundle)
    reference = read_reference(bundle / REFERENCE_FILE)
    source = Rows(file, settings.text_column, settings.label_column, settings.form)
    checked = Checked(reference, classifier, settings)
    rows = iter(source)
    while batch := list(itertools.islice(rows, settings.every_rows)):
        checked.add(batch)
    with publish(out, KIND) as draft:
        document = checked.document(source.skipped, opened.manifest.digest)
        write_json(draft.path / DIAGNOSIS_FILE, document)
        plots = draw(draft.path, checked.watch, checked.history)
        write_report(draft.path / REPORT_FILE, document, plots)
        names = ("drifted", "cause", "rows", "outcomes", "bundle_digest")
        draft.facts.update({name: document[name] for name in names})
    return read_manifest(out, KIND)


class Checked:
    """A watch that is told a file's rows.

    Args:
        reference: The bundle's.
        classifier: Its classifier.
        settings: How hard to look.

    Attributes:
        watch: The watch.
        history: What it said.
        rows: Rows so far.
    """

    def __init__(
        self, reference: Reference, classifier: Classifier, settings: CheckSettings
    ) -> None:
        self.watch, self.history = Watch(reference, settings), History()
        self.rows = self._outcomes = self._right = 0
        self._reference, self._classifier = reference, classifier
        self._timed: bool | None = None

    def add(self, batch: list[Row]) -> None:
        """Score rows and tell them."""
        if self._timed is None:
            self._timed = batch[0].time is not None
        times = np.array([self._time(i, row) for i, row in enumerate(batch)], np.float64)
        stream, words = self._scored([row.text for row in batch])
        self.watch.tell(stream, times, words)
        known = {name: column for column, name in enumerate(self._classifier.labels)}
        told = [i for i, row in enumerate(batch) if row.label in known]
        if told:
            labels = np.array([known[str(batch[i].label)] for i in told])
            right = np.asarray(stream.predicted[told] == labels, np.bool_)
            self.watch.tell_outcomes(right, times[told])
            self._outcomes += len(told)
            self._right += int(right.sum())
        self.rows += len(batch)
        self.history.add(self.rows, self.watch.diagnosis())

    def _time(self, place: int, row: Row) -> float:
        number = float(self.rows + place + 1)
        return number if not self._timed else row.time or 0.0

    def _scored(self, texts: list[str]) -> tuple[Stream, list[list[str]]]:
        classifier, known = self._classifier, self._reference.vocabulary.terms
        encoding = classifier.tokenizer.encode([normalise(text) for text in texts])
        scores = classifier.score(encoding)
        marks, words = np.zeros((len(texts), len(MARKS)), np.float32), []
        for i, text in enumerate(texts):
            marks[i], said = mark(text, known)
            words.append(said)
        return Stream(
            scores.features,
            softmax(scores.logits, classifier.temperature),
            encoding.lengths,
            None if self._reference.marks is None else marks,
        ), words

    def document(self, skipped: int, bundle_digest: str) -> dict[str, Any]:
        """What was found, as JSON.

        Args:
            skipped: Rows without a text.
            bundle_digest: The bundle's.

        Returns:
            `drifted` (whether any drift was ever found), `cause` (of the last), `episodes`, `now`
            (the diagnosis at the end), counts, and `accuracy` by labels where there are any.
        """
        episodes = self.history.episodes
        return {
            "drifted": bool(episodes),
            "cause": _cause(episodes),
            "rows": self.rows,
            "skipped": skipped,
            "outcomes": self._outcomes,
            "accuracy": self._right / self._outcomes if self._outcomes else None,
            "timed": bool(self._timed),
            "bundle_digest": bundle_digest,
            "episodes": [dataclasses.asdict(episode) for episode in episodes],
            "now": dataclasses.asdict(self.watch.diagnosis()),
        }


def _cause(episodes: list[Episode]) -> str:
    """The cause of the last drift that began; input explains what follows from it."""
    causes: Iterator[str] = (e.cause for e in reversed(episodes) if e.cause)
    return next(causes, "")
