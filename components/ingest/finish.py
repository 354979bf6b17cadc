"""Screened rows to a dataset: duplicates out, divided, described."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract import logs
from components.contract.artifact import Draft
from components.contract.dataset import SPLITS
from components.contract.errors import InputError
from components.contract.split import SplitRule
from components.ingest.duplicates import without_duplicates
from components.ingest.labels import by_name
from components.ingest.rejections import Rejections
from components.ingest.settings import FRESH, ORIGIN, IngestSettings
from components.ingest.shards import ShardWriter
from components.ingest.stratification import stratification

REJECTED_FILE = "rejected.jsonl"


@dataclass(frozen=True)
class Screened:
    """What is known once every row was looked at.

    Attributes:
        labels: Label names by provisional number.
        rows_in: Rows that matched `where`.
        rows_filtered: Rows that didn't.
        rejections: The rejected rows so far; duplicates are added.
    """

    labels: tuple[str, ...]
    rows_in: int
    rows_filtered: int
    rejections: Rejections


def finish(
    screened: Screened, partitions: Iterable[Any], draft: Draft, settings: IngestSettings
) -> None:
    """Write a dataset's files and facts.

    Args:
        screened: What the rows were found to be.
        partitions: The accepted ones, as `spill.in_order` yields them.
        draft: Where the dataset is written.
        settings: How it is divided.

    Raises:
        InputError: `empty_source`, `nothing_matches`, `too_many_rejected`, `one_label` or
            `label_missing`.
    """
    rejections, limit = screened.rejections, settings.max_rejected
    refuse_empty(screened, settings)
    refuse_rejected(rejections, screened.rows_in, limit)
    names = sorted(screened.labels, key=by_name)
    order = {name: place for place, name in enumerate(names)}
    places = np.array([order[name] for name in screened.labels], np.int32)
    counts = _write_splits(partitions, draft, settings, places, rejections)
    refuse_rejected(rejections, screened.rows_in, limit)
    assert screened.rows_in == counts.sum() + rejections.total
    _describe(draft, settings, names, counts, screened)


def _write_splits(
    partitions: Iterable[Any],
    draft: Draft,
    settings: IngestSettings,
    places: npt.NDArray[np.int32],
    rejections: Rejections,
) -> npt.NDArray[np.int64]:
    """Write the shards; (splits, labels) rows are returned."""
    import pyarrow as pa

    counts = np.zeros((len(SPLITS), len(places)), np.int64)
    slices = settings.slices
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(ShardWriter(draft.path / name, slices)) for name in SPLITS]
        for partition in partitions:
            kept = without_duplicates(partition, rejections)
            labels = places[kept["label"].to_numpy()]
            kept = kept.set_column(kept.schema.get_field_index("label"), "label", pa.array(labels))
            splits = kept["split"].to_numpy()
            for number, writer in enumerate(writers):
                chosen = splits == number
                counts[number] += np.bincount(labels[chosen], minlength=len(places))
                writer.add(kept.filter(pa.array(chosen)))
    return counts


def _describe(
    draft: Draft,
    settings: IngestSettings,
    names: list[str],
    counts: npt.NDArray[np.int64],
    screened: Screened,
) -> None:
    rule = settings.split.rule
    rows: dict[str, dict[str, int]] = {
        split: dict(zip(names, row.tolist(), strict=True))
        for split, row in zip(SPLITS, counts, strict=True)
    }
    refuse_labels(rows["train"])
    refuse_splits(rows, rule)
    spread = stratification(rows, rule)
    if not spread["sound"]:
        logs.event(
            "unsound_split",
            stage="ingest",
            message="Labels are missing from a split or unevenly spread over the splits.",
            rows=rows,
            **spread,
        )
    draft.measured["rejected_rows"] = screened.rejections.write(draft.path / REJECTED_FILE)
    facts: dict[str, Any] = {
        "labels": names,
        "rows": rows,
        "rows_in": screened.rows_in,
        "rows_filtered": screened.rows_filtered,
        "rejected": screened.rejections.counts,
        "split": rule.as_facts(),
        "slices": list(settings.slices),
        "stratification": spread,
    }
    if settings.feedback is not None:
        facts["fresh"] = {
            "column": ORIGIN,
            "value": FRESH,
            "split": settings.feedback.fresh_rule(settings.split).as_facts(),
        }
    draft.facts.update(facts)


def refuse_empty(screened: Screened, settings: IngestSettings) -> None:
    """Refuse a source without rows: `empty_source` or `nothing_matches`."""
    if screened.rows_in:
        return
    uri = settings.source.uri
    if screened.rows_filtered and not settings.source.where:
        raise InputError(
            "nothing_matches",
            f"None of the {screened.rows_filtered:,} rows of {uri!r} has a label yet in "
            f"{settings.source.label_column!r}.",
        )
    if screened.rows_filtered:
        wanted = " and ".join(f"{c} = {v!r}" for c, v in settings.source.where.items())
        raise InputError(
            "nothing_matches",
            f"None of the {screened.rows_filtered:,} rows of {uri!r} has {wanted}.",
        )
    raise InputError("empty_source", f"{uri!r} holds no rows.")


def refuse_rejected(rejections: Rejections, rows_in: int, limit: float) -> None:
    """Refuse a source of which too large a share can't be used: `too_many_rejected`."""
    if rejections.bad / rows_in > limit:  # divided, so that 29 of 100 are no more than 0.29
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in rejections.counts.items() if n)
        raise InputError(
            "too_many_rejected",
            f"{rejections.bad:,} of {rows_in:,} rows can't be used ({reasons}), "
            f"more than the {limit:.1%} allowed.",
            "Save the file as UTF-8."
            if 2 * rejections.counts["undecodable"] > rejections.bad
            else "Mend the data, or raise ingest.max_rejected.",
        )


def refuse_labels(train: dict[str, int]) -> None:
    """Refuse a train split that lacks a label, or has one alone: `one_label`, `label_missing`."""
    if len(train) < 2:
        raise InputError(
            "one_label",
            f"Every row has the label {next(iter(train))!r}; there is nothing to tell apart."
            if train
            else "No row is left that has a label.",
        )
    missing = [name for name, rows in train.items() if not rows]
    if missing:
        named = ", ".join(map(repr, missing[:5]))
        raise InputError(
            "label_missing",
            f"The train split has no row of {len(missing)} of {len(train)} labels: {named}.",
            "Add rows of them, or leave them out with ingest.labels.",
        )


def refuse_splits(rows: Mapping[str, Mapping[str, int]], rule: SplitRule) -> None:
    """Refuse data so few that no row is left to test on, where some should be: `empty_split`."""
    if rule.test > 0 and not sum(rows["test"].values()):
        total = sum(sum(labels.values()) for labels in rows.values())
        raise InputError(
            "empty_split",
            f"None of {total:,} rows falls into the test split, whose share is {rule.test:g}.",
            "Give more rows, another ingest.split.salt, or larger shares in ingest.split.",
        )
