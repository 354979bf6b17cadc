"""The parts of a fanned-out ingest to one dataset, which doesn't tell how many there were."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from components.contract.artifact import Manifest, publish, read_manifest
from components.contract.dataset import KIND
from components.contract.decorators import logged, timed, validated
from components.ingest.fan_out.packed import numbered, open_parts, starts
from components.ingest.fan_out.part import checked
from components.ingest.fan_out.plan import Plan
from components.ingest.feedback import FreshRows, returned
from components.ingest.finish import Screened, finish
from components.ingest.labels import Labels
from components.ingest.records import Screening
from components.ingest.rejections import Rejections
from components.ingest.sources import FileSource
from components.ingest.spill import Spill, in_order


@logged("ingest")
@timed("ingest")
@validated
def join(plan: Plan, parts: tuple[Path, ...], feedback: FileSource | None, out: Path) -> Manifest:
    """Publish the dataset of which the parts hold the rows.

    One partition of all parts is in memory at a time. The feedback, which is small beside the
    source, is read here: which of it is fresh depends on every part.

    Args:
        plan: The plan.
        parts: What its parts published, in whichever order.
        feedback: The feedback's source, if any.
        out: Where the dataset is published.

    Returns:
        The dataset's manifest: the one that `ingest` makes of the same source and settings.

    Raises:
        InputError: As `ingest`.
        IntegrityError: `other_content`, `corrupted` or `changed_meanwhile`.
        TamisError: As `publish`.
    """
    settings = plan.settings
    with open_parts(plan, parts) as found, publish(out, KIND) as draft:
        before = starts(plan, found)
        rejections = Rejections()
        labels = Labels(settings.source.label_names, settings.labels)
        numbers = [np.array(labels.met(part.facts["labels"]), np.int32) for part in found]
        known = itertools.chain.from_iterable(part.known().tolist() for part in found)
        screening = Screening(
            settings, labels, rejections, FreshRows(checked(feedback, plan), settings, known)
        )
        for part in found:
            screening.rows_in += part.facts["rows_in"]
            screening.rows_filtered += part.facts["rows_filtered"]
            rejections.include(
                part.facts["rejected"], lambda row: int(numbered(np.array([row]), before)[0])
            )
        spill = Spill(draft.path / ".spill", settings.slices)
        for record in screening.records(returned(feedback) if feedback else (), int(before[-1])):
            spill.add(record)

        def tables(partition: int) -> Iterator[Any]:
            for part, own in zip(found, numbers, strict=True):
                yield from part.tables(partition, own, before)
            yield from spill.tables(partition)

        counts = screening.rows_in, screening.rows_filtered
        finish(Screened(labels.names(), *counts, rejections), in_order(tables), draft, settings)
        shutil.rmtree(draft.path / ".spill")
    return read_manifest(out, KIND)
