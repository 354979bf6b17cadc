"""The ingest stage: labelled rows from a source to a published dataset."""

from __future__ import annotations

import shutil
from pathlib import Path

from components.contract.artifact import Manifest, publish, read_manifest
from components.contract.cache import cached
from components.contract.dataset import KIND
from components.contract.decorators import logged, timed, validated
from components.ingest.feedback import FreshRows, WithFeedback
from components.ingest.finish import Screened, finish
from components.ingest.labels import Labels
from components.ingest.records import Screening
from components.ingest.rejections import Rejections
from components.ingest.settings import IngestSettings
from components.ingest.sources import Source
from components.ingest.spill import Spill


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
            `too_many_labels`, `label_missing`, `empty_split`, or what reading the source raises.
        TamisError: As `publish`.
    """
    with publish(out, KIND) as draft:
        rejections = Rejections()
        labels = Labels(settings.source.label_names, settings.labels)
        fresh = FreshRows(source.feedback if isinstance(source, WithFeedback) else None, settings)
        screening = Screening(settings, labels, rejections, fresh)
        spill = Spill(draft.path / ".spill", settings.slices)
        for record in screening.records(source.rows()):
            spill.add(record)
        counts = screening.rows_in, screening.rows_filtered
        finish(Screened(labels.names(), *counts, rejections), spill.partitions(), draft, settings)
        shutil.rmtree(draft.path / ".spill")
    return read_manifest(out, KIND)
