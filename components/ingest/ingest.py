"""The ingest stage: labelled rows from a source to a published dataset."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract import logs
from components.contract.artifact import Draft, Manifest, publish, read_manifest
from components.contract.cache import cached
from components.contract.dataset import KIND, SPLITS
from components.contract.decorators import logged, timed, validated
from components.contract.errors import InputError
from components.ingest.duplicates import without_duplicates
from components.ingest.feedback import FreshRows
from components.ingest.labels import Labels, by_name
from components.ingest.records import Screening
from components.ingest.rejections import Rejections
from components.ingest.settings import FRESH, ORIGIN, IngestSettings
from components.ingest.shards import ShardWriter
from components.ingest.sources import Source
from components.ingest.spill import Spill
from components.ingest.stratification import stratification

REJECTED_FILE = "rejected.jsonl"


@cached("ingest", kind=KIND, code=("contract", "ingest"))
@logged("ingest")
@timed("ingest")
@validated
def ingest(source: Source, out: Path, settings: IngestSettings) -> Manifest:
    """Normalise, check, deduplicate and divide labelled rows.

    Two passes: rows are spilled to disk by their texts' digests, then each part is loaded alone;
    memory doesn't grow with the data. The same rows in any order give the same dataset, unless
    copies of a text have different slice values, of which the first is kept.

    Args:
        source: Where the rows come from.
        out: Where the dataset is published; `contract.dataset.Dataset` tells its layout. Beside
            the shards lies `rejected.jsonl`, samples of rejected rows; line i's row number is
            `rejected_rows[i]` in the manifest's measurements.
        settings: What is taken and how it is divided.

    Returns:
        The manifest of the published dataset. Facts beyond the documented ones: `rows_filtered`
        and `stratification`.

    Raises:
        InputError: `empty_source`, `nothing_matches`, `too_many_rejected`, `one_label`,
            `too_many_labels`, `label_missing`, or what reading the source raises.
        TamisError: As `publish`.
    """
    with publish(out, KIND) as draft:
        rejections = Rejections()
        labels = Labels(settings.source.label_names, settings.labels)
        fresh = FreshRows(source, settings)
        screening = Screening(settings, labels, rejections, fresh)
        spill = Spill(draft.path / ".spill", settings.slices)
        for record in screening.records(source.rows()):
            spill.add(record)
        _refuse_empty(screening, settings)
        _refuse_rejected(rejections, screening.rows_in, settings.max_rejected)
        names = sorted(labels.names(), key=by_name)
        order = {name: place for place, name in enumerate(names)}
        places = np.array([order[name] for name in labels.names()], np.int32)
        counts = _write_splits(spill, draft, settings, places, rejections)
        shutil.rmtree(draft.path / ".spill")
        _refuse_rejected(rejections, screening.rows_in, settings.max_rejected)
        assert screening.rows_in == counts.sum() + rejections.total
        _describe(draft, settings, names, counts, screening, rejections)
    return read_manifest(out, KIND)


def _write_splits(
    spill: Spill,
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
        for partition in spill.partitions():
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
    screening: Screening,
    rejections: Rejections,
) -> None:
    rule = settings.split.rule
    rows: dict[str, dict[str, int]] = {
        split: dict(zip(names, row.tolist(), strict=True))
        for split, row in zip(SPLITS, counts, strict=True)
    }
    _refuse_labels(rows["train"])
    spread = stratification(rows, rule)
    if not spread["sound"]:
        logs.event(
            "unsound_split",
            stage="ingest",
            message="Labels are missing from a split or unevenly spread over the splits.",
            rows=rows,
            **spread,
        )
    draft.measured["rejected_rows"] = rejections.write(draft.path / REJECTED_FILE)
    facts: dict[str, Any] = {
        "labels": names,
        "rows": rows,
        "rows_in": screening.rows_in,
        "rows_filtered": screening.rows_filtered,
        "rejected": rejections.counts,
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


def _refuse_empty(screening: Screening, settings: IngestSettings) -> None:
    if screening.rows_in:
        return
    uri = settings.source.uri
    if screening.rows_filtered:
        wanted = " and ".join(f"{c} = {v!r}" for c, v in settings.source.where.items())
        raise InputError(
            "nothing_matches",
            f"None of the {screening.rows_filtered:,} rows of {uri!r} has {wanted}.",
        )
    raise InputError("empty_source", f"{uri!r} holds no rows.")


def _refuse_rejected(rejections: Rejections, rows_in: int, limit: float) -> None:
    if rejections.bad / rows_in > limit:  # divided, so that 29 of 100 are no more than 0.29
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in rejections.counts.items() if n)
        raise InputError(
            "too_many_rejected",
            f"{rejections.bad:,} of {rows_in:,} rows can't be used ({reasons}), "
            f"more than the {limit:.1%} allowed.",
            "Mend the data, or raise ingest.max_rejected.",
        )


def _refuse_labels(train: dict[str, int]) -> None:
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
