"""Parameters of the ingest stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.contract.errors import InputError
from components.contract.limits import TEXT_CHARACTERS
from components.contract.settings import build, require
from components.contract.split import SplitRule

OWN_COLUMNS = ("text", "label", "digest")
ORIGIN = "origin"
"""Where rows come from when there is feedback: a slice column of its own."""
SOURCE, FRESH = "source", "fresh"


@dataclass(frozen=True)
class SourceSettings:
    """Which labelled texts are read.

    Attributes:
        uri: A path, a folder, a glob, or an address: `file://`, `package://<package>/<path>`,
            `https://`, `s3://`, `gs://`, `hf://datasets/…`, `dvc://<repository>@<rev>#<path>`.
        text_column: Column of the text; `review.text` reaches into nested records.
        label_column: Column of the label; a list holds one answer an annotator, and the most
            frequent one counts.
        where: Column -> value, compared as strings; other rows are left aside as `rows_filtered`.
        label_names: Raw label -> name; when given, every other raw label is unknown.
        slices: Columns carried along for sliced evaluation.
    """

    uri: str
    text_column: str = "text"
    label_column: str = "label"
    where: Mapping[str, str] = field(default_factory=dict)
    label_names: Mapping[str, str] = field(default_factory=dict)
    slices: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read, once each."""
        named = (self.text_column, self.label_column, *self.where, *self.slices)
        return tuple(dict.fromkeys(named))

    def check(self) -> None:
        """Refuse values that can't work."""
        require(bool(self.uri.strip()), "source.uri", "must not be empty")
        require(
            self.text_column != self.label_column,
            "source.label_column",
            f"must differ from the text's column, {self.text_column!r}",
        )
        require(
            len(set(self.slices)) == len(self.slices), "source.slices", "must not repeat a column"
        )
        for name in self.slices:
            require(
                name not in OWN_COLUMNS,
                "source.slices",
                f"can't carry {name!r}: a dataset has its own column of that name",
            )


@dataclass(frozen=True)
class SplitSettings:
    """How rows are divided.

    Attributes:
        train: Share of the rows.
        validation: Share of the rows.
        test: Share of the rows; the three add up to 1.
        salt: Another salt draws another split.
    """

    train: float = 0.8
    validation: float = 0.1
    test: float = 0.1
    salt: str = "13"

    @property
    def rule(self) -> SplitRule:
        """The rule that these shares make."""
        return SplitRule(self.train, self.validation, self.salt)

    def check(self) -> None:
        """Refuse values that can't work."""
        for name in ("train", "validation", "test"):
            share = getattr(self, name)
            require(
                0 <= share <= 1, f"ingest.split.{name}", f"must be between 0 and 1, not {share}"
            )
        require(self.train > 0, "ingest.split.train", "must be above 0")
        total = self.train + self.validation + self.test
        require(
            abs(total - 1) < 1e-9,
            "ingest.split",
            f"train + validation + test must be 1, not {total:g}",
        )


@dataclass(frozen=True)
class FeedbackSettings:
    """Labelled texts that came back from a service.

    Attributes:
        uri: Address of JSON Lines with `text`, `label` (a name) and `origin`: `fresh` for what
            the present champion answered, `feedback` for what earlier ones did.
        holdout: Share of the fresh rows that go to the test split.
    """

    uri: str
    holdout: float = 0.4

    def fresh_rule(self, split: SplitSettings) -> SplitRule:
        """The rule that divides fresh rows: what `split` holds out, and more."""
        train = round(1 - self.holdout - split.validation, 12)
        return SplitRule(train, split.validation, split.salt)


@dataclass(frozen=True)
class IngestSettings:
    """How labelled texts become a dataset.

    Attributes:
        source: Which rows are read.
        max_characters: Longest normalised text that is accepted.
        max_rejected: Largest share of rows that may be bad. Exact duplicates are rejected and
            counted too but are normal, so they don't count toward this limit.
        split: How rows are divided.
        labels: Allowed label names; empty learns them from the data.
        feedback: Further rows, from a service's journal; None for none.
    """

    source: SourceSettings
    max_characters: int = 20_000
    max_rejected: float = 0.1
    split: SplitSettings = field(default_factory=SplitSettings)
    labels: tuple[str, ...] = ()
    feedback: FeedbackSettings | None = None

    @property
    def slices(self) -> tuple[str, ...]:
        """The dataset's slice columns: the source's, and the origin where there is feedback."""
        return (*self.source.slices, ORIGIN) if self.feedback else self.source.slices

    def check(self) -> None:
        """Refuse values that can't work."""
        self._check_feedback()
        require(
            1 <= self.max_characters <= TEXT_CHARACTERS,
            "ingest.max_characters",
            f"must be between 1 and {TEXT_CHARACTERS}, not {self.max_characters}",
        )
        require(
            0 <= self.max_rejected <= 1,
            "ingest.max_rejected",
            f"must be between 0 and 1, not {self.max_rejected}",
        )
        require(len(set(self.labels)) == len(self.labels), "ingest.labels", "must not repeat one")
        require(len(self.labels) != 1, "ingest.labels", "must name at least two, or none")
        if self.labels:
            for name in self.source.label_names.values():
                require(
                    name in self.labels,
                    "source.label_names",
                    f"leads to {name!r}, which ingest.labels doesn't allow",
                )

    def _check_feedback(self) -> None:
        if self.feedback is None:
            return
        require(bool(self.feedback.uri.strip()), "ingest.feedback.uri", "must not be empty")
        least, most = self.split.test, 1 - self.split.validation
        require(
            least <= self.feedback.holdout < most,
            "ingest.feedback.holdout",
            f"must be between the test split's share, {least:g}, and {most:g}: what is held out "
            "later must be held out now",
        )
        require(
            ORIGIN not in self.source.slices,
            "source.slices",
            f"can't carry {ORIGIN!r} beside feedback, which has it",
        )


def ingest_settings(params: Mapping[str, Any]) -> IngestSettings:
    """The stage's settings from the parameter file's `source` and `ingest` sections.

    Args:
        params: The file's top-level mapping; other sections are not looked at.

    Returns:
        The settings.

    Raises:
        InputError: As `contract.settings.build`, naming the key as it stands in the file.
    """
    build(SourceSettings, params.get("source"), "source")  # first alone: it names source.<key>
    section = params.get("ingest") or {}
    if not isinstance(section, Mapping):
        raise InputError("bad_parameter", f"'ingest' must be a mapping, not {section!r}.")
    if "source" in section:
        raise InputError(
            "unknown_parameter",
            "ingest.source is not a parameter.",
            "The source has its own section at the top level.",
        )
    return build(IngestSettings, {**section, "source": params.get("source")}, "ingest")
