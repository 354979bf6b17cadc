"""One pass over labelled rows: what `tamis run` would make of them, and what it would not tell."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from components.contract.dataset import SPLITS
from components.contract.errors import TamisError
from components.contract.limits import TEXT_CHARACTERS
from components.ingest.duplicates import without_duplicates
from components.ingest.finish import (
    Screened,
    refuse_empty,
    refuse_labels,
    refuse_rejected,
    refuse_splits,
)
from components.ingest.labels import Labels, by_name
from components.ingest.records import Record, Screening
from components.ingest.rejections import Rejections
from components.ingest.settings import IngestSettings
from components.ingest.sources import FileSource
from components.ingest.spill import Spill
from components.inspect.copies import EXCERPT, Leak, NearCopies, SharedTexts
from components.inspect.languages import language
from components.inspect.thinned import Thinned

LANGUAGE_ROWS = 20_000
PERCENTILES = (1, 5, 25, 50, 75, 95, 99, 100)

_SPLIT_NAMES = re.compile(r"(?<![a-z])(train|valid|validation|val|dev|test)(?:ing)?(?![a-z])", re.I)


class Lengths:
    """How long texts are, exactly: one counter for each length that the limit allows."""

    def __init__(self) -> None:
        self._rows = np.zeros(TEXT_CHARACTERS + 1, np.int64)

    def add(self, length: int) -> None:
        """Count a text; at most `TEXT_CHARACTERS`."""
        self._rows[length] += 1

    def percentile(self, percent: float) -> int:
        """The least length that so many percent of the texts don't exceed; 0 for no texts."""
        reached = np.cumsum(self._rows)
        return int(np.searchsorted(reached, percent / 100 * reached[-1])) if reached[-1] else 0

    def histogram(self, bins: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Rows in bins of equal width up to the 99th percentile, and the bins' edges."""
        width = max(1, -(-(self.percentile(99) + 1) // bins))
        edges = np.arange(bins + 1) * width
        within = self._rows[: edges[-1]]
        padded = np.zeros(edges[-1], np.int64)
        padded[: len(within)] = within
        return padded.reshape(bins, width).sum(axis=1), edges


@dataclass(frozen=True)
class Survey:
    """What was found.

    Attributes:
        uri: The data's address.
        files: How many files it is.
        rows_in: Rows that were looked at.
        rows_filtered: Rows that `where` leaves aside, or that no annotator has labelled.
        rejected: Reason -> rows that `tamis run` would reject.
        samples: Reason and excerpt of rejected rows.
        labels: Label -> rows by split, in `SPLITS`' order, the most frequent first.
        characters: Percentile -> characters of the accepted rows.
        words: Percentile -> words, as white space divides them.
        histogram: (b,) rows by words, and the (b + 1,) edges.
        languages: Language -> share of the rows, the most frequent first.
        shared: What stands under several of `names`; None where there is one name.
        names: The files' or the column's names of splits.
        near: Held-out rows of which the train split would have a near copy.
        refusal: What `tamis run` would refuse the data with; "" when it would take it.
    """

    uri: str
    files: int
    rows_in: int
    rows_filtered: int
    rejected: Mapping[str, int]
    samples: tuple[tuple[str, str], ...]
    labels: Mapping[str, tuple[int, ...]]
    characters: Mapping[int, int]
    words: Mapping[int, int]
    histogram: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
    languages: Mapping[str, float]
    shared: Leak | None
    names: tuple[str, ...]
    near: Leak
    refusal: str

    @property
    def rows(self) -> int:
        """Rows that a dataset would have."""
        return sum(map(sum, self.labels.values()))


@dataclass
class _Pass:
    """The state of one pass."""

    settings: IngestSettings
    scratch: Path
    split_column: str
    characters: Lengths = field(default_factory=Lengths)
    words: Lengths = field(default_factory=Lengths)
    languages: Counter[str] = field(default_factory=Counter)
    rejections: Rejections = field(default_factory=Rejections)

    def __post_init__(self) -> None:
        source = self.settings.source
        self.labels = Labels(source.label_names, self.settings.labels)
        self.screening = Screening(self.settings, self.labels, self.rejections)
        self.spill = Spill(self.scratch / "rows", self.settings.slices)
        self.shared = SharedTexts(self.scratch / "shared")
        self.near = NearCopies(self.scratch / "near")
        self._thinned = Thinned(LANGUAGE_ROWS)

    def look(self, record: Record, origin: str) -> None:
        """Take an accepted row in."""
        text = record.text
        self.characters.add(len(text))
        self.words.add(len(text.split()))
        if self._thinned.take():
            self.languages[language(text)] += self._thinned.stride
        if origin:
            self.shared.add(text, origin, record.row)
        self.near.add(text, record.split != 0, record.row)
        self.spill.add(record._replace(text=text[:EXCERPT]))

    def records(self, source: FileSource) -> Iterator[tuple[Record, str]]:
        """The accepted rows with the name of the split that they come from, "" for none."""
        files = source.files.names
        place = None
        if self.split_column:
            place = self.settings.slices.index(self.split_column)
        for name in files:
            of_file = split_name(name) if len(files) > 1 else ""
            for record in self.screening.records(source.read(name), self.screening.last):
                yield record, of_file if place is None else record.slices[place]

    def counts(self) -> dict[str, tuple[int, ...]]:
        """Rows by label and split, once duplicates are out."""
        names = self.labels.names()
        rows = np.zeros((len(SPLITS), len(names)), np.int64)
        for partition in self.spill.partitions():
            kept = without_duplicates(partition, self.rejections)
            codes = kept["split"].to_numpy().astype(np.int64) * len(names)
            codes += kept["label"].to_numpy()
            rows += np.bincount(codes, minlength=rows.size).reshape(rows.shape)
        found = {name: tuple(map(int, rows[:, i])) for i, name in enumerate(names)}
        return dict(sorted(found.items(), key=lambda item: (-sum(item[1]), by_name(item[0]))))


def survey(
    source: FileSource, settings: IngestSettings, scratch: Path, split_column: str = ""
) -> Survey:
    """Look at every row of a source once.

    Args:
        source: Where the rows come from.
        settings: What `tamis run` would do with them.
        scratch: An empty folder for what is set aside; the caller removes it.
        split_column: A slice column that names the split which a row was meant for.

    Returns:
        What was found.

    Raises:
        InputError: `empty_source`, `nothing_matches`, `too_many_labels`, or what reading the
            source raises. What else `tamis run` would refuse is told in `refusal`.
    """
    found = _Pass(settings, scratch, split_column)
    for record, origin in found.records(source):
        found.look(record, origin)
    screening = found.screening
    refuse_empty(
        Screened((), screening.rows_in, screening.rows_filtered, found.rejections), settings
    )
    labels = found.counts()
    several = len(found.shared.names) > 1
    return Survey(
        settings.source.uri,
        len(source.files.names),
        screening.rows_in,
        screening.rows_filtered,
        dict(found.rejections.counts),
        tuple(found.rejections.excerpts()),
        labels,
        {percent: found.characters.percentile(percent) for percent in PERCENTILES},
        {percent: found.words.percentile(percent) for percent in PERCENTILES},
        found.words.histogram(40),
        _shares(found.languages),
        found.shared.leak() if several else None,
        found.shared.names if several else (),
        found.near.leak(),
        _refusal(found.rejections, screening.rows_in, labels, settings),
    )


def split_name(file: str) -> str:
    """The split that a file's name tells, such as `train` of `data/train-00001.parquet`, or ""."""
    parts = [*PurePosixPath(file).parts[-1:], *reversed(PurePosixPath(file).parts[:-1])]
    told = itertools.chain.from_iterable(_SPLIT_NAMES.findall(part) for part in parts)
    names = {"valid": "validation", "val": "validation", "dev": "validation"}
    first = next(told, "").lower()
    return names.get(first, first)


def _refusal(
    rejections: Rejections,
    rows_in: int,
    labels: Mapping[str, tuple[int, ...]],
    settings: IngestSettings,
) -> str:
    try:
        refuse_rejected(rejections, rows_in, settings.max_rejected)
        by_split = {
            split: {name: rows[place] for name, rows in labels.items()}
            for place, split in enumerate(SPLITS)
        }
        refuse_labels(by_split["train"])
        refuse_splits(by_split, settings.split.rule)
    except TamisError as error:
        return str(error)
    return ""


def _shares(counts: Counter[str]) -> dict[str, float]:
    total = max(counts.total(), 1)
    return {name: count / total for name, count in counts.most_common()}
