"""One part of a fanned-out ingest: its share of the rows, screened and put into partitions."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from components.contract.artifact import Manifest, publish, read_manifest
from components.contract.decorators import logged, timed, validated
from components.contract.errors import InputError
from components.ingest.fan_out.plan import Plan, require_unchanged
from components.ingest.feedback import FreshRows, with_origin
from components.ingest.labels import Labels
from components.ingest.records import Screening
from components.ingest.rejections import Rejections
from components.ingest.sources import FileSource
from components.ingest.spill import Spill

KIND = "rows"
ROWS = "rows.arrow"
KNOWN = "known.f8"
FILE_ROWS = 2**40
"""Row n of file f is number f * FILE_ROWS + n until all parts are there: how many rows stand in
the files before isn't known to a part. 64 bits hold eight million files of a trillion rows."""


@logged("ingest-part")
@timed("ingest-part")
@validated
def screen(
    plan: Plan, number: int, source: FileSource, feedback: FileSource | None, out: Path
) -> Manifest:
    """Normalise, check and partition a part's rows.

    Args:
        plan: The plan.
        number: Which part, from 0.
        source: The source that was planned.
        feedback: The feedback's source, if any; only its texts matter here.
        out: Where the rows are published: `rows.arrow` with the records, partition by partition
            (facts: `batches`, where each begins), and `known.f8`, positions of the source's texts
            that are fresh feedback too. Facts also say what there was to count.

    Returns:
        The manifest of the published rows.

    Raises:
        InputError: `too_many_labels`, `no_such_part`, or what reading the source raises.
        IntegrityError: `changed_meanwhile`.
        TamisError: As `publish`.
    """
    if not 0 <= number < len(plan.parts):
        raise InputError("no_such_part", f"The plan has {len(plan.parts)} parts, none is {number}.")
    settings = plan.settings
    with publish(out, KIND) as draft:
        rejections = Rejections()
        labels = Labels(settings.source.label_names, settings.labels)
        fresh = FreshRows(checked(feedback, plan), settings)
        screening = Screening(settings, labels, rejections, fresh)
        spill = Spill(draft.path / ".spill", settings.slices)
        files: dict[str, int] = {}
        for piece in plan.parts[number]:
            name, identity = plan.files[piece.file]
            require_unchanged(name, source.identity(name), identity)
            rows = source.read(name, piece.share)
            before = piece.file * FILE_ROWS
            for record in screening.records(with_origin(rows) if feedback else rows, before):
                spill.add(record)
            files[str(piece.file)] = screening.last - before
        batches = spill.pack(draft.path / ROWS)
        shutil.rmtree(draft.path / ".spill")
        np.array(sorted(fresh.known), "<f8").tofile(draft.path / KNOWN)
        draft.facts.update(
            plan=plan.digest,
            part=number,
            files=files,
            labels=list(labels.names()),
            rows_in=screening.rows_in,
            rows_filtered=screening.rows_filtered,
            rejected=rejections.as_facts(),
            batches=batches,
        )
    return read_manifest(out, KIND)


def checked(feedback: FileSource | None, plan: Plan) -> FileSource | None:
    """The feedback, if it is what was planned for; `IntegrityError` `changed_meanwhile`."""
    identity = "" if feedback is None else feedback.fingerprint()
    require_unchanged("ingest.feedback", identity, plan.feedback)
    return feedback
