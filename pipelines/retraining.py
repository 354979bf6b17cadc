"""A retraining: the training pipeline over the old data and what came back from the service.

The labelled rows become a version of their own, named by its content; the source stays where it is.
Everything else is said by parameters, so that a laptop and a cluster run the very graph that made
the champion:

 source ──────────────┐
                      ├─ ingest ─ … ─ register: no worse on the old test rows, better on fresh ones
 journal ─ version ───┘
"""

from __future__ import annotations

import copy
import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.contract.artifact import storage_error
from components.contract.errors import InputError
from pipelines.feedback_store import open_store
from pipelines.trigger.labels import LabelledRow
from pipelines.trigger.settings import RetrainingSettings


@dataclass(frozen=True)
class FeedbackVersion:
    """A data version of labelled rows.

    Attributes:
        uri: Where it is, for `ingest.feedback.uri`.
        digest: SHA-256 (hex) of its bytes.
        rows: How many there are.
        fresh: Of those, how many the present champion answered.
    """

    uri: str
    digest: str
    rows: int
    fresh: int


def keep_version(rows: Iterable[LabelledRow], champion: str, store: str) -> FeedbackVersion:
    """Keep labelled rows as a data version.

    Equal rows make equal bytes and thus the same version: done again after a kill, it is found.

    Args:
        rows: Labelled rows, streamed.
        champion: Digest of the present champion's bundle, whose answers are fresh.
        store: `retrain.store`.

    Returns:
        The version.

    Raises:
        InputError: `nothing_labelled`; as `open_store`.
        TamisError: The store's refusal.
    """
    count = fresh = 0
    digest = hashlib.sha256()
    try:
        with tempfile.TemporaryDirectory(prefix="tamis-") as folder:
            draft = Path(folder) / "feedback.jsonl"
            with draft.open("wb") as stream:
                for row in rows:
                    origin = "fresh" if row.bundle_digest == champion else "feedback"
                    document = {"text": row.text, "label": row.label, "origin": origin}
                    line = json.dumps(document).encode() + b"\n"
                    stream.write(line)
                    digest.update(line)
                    count += 1
                    fresh += origin == "fresh"
            if not count:
                raise InputError("nothing_labelled", "The journal holds no labelled text.")
            name = digest.hexdigest()
            return FeedbackVersion(open_store(store).keep(draft, name), name, count, fresh)
    except OSError as error:
        raise storage_error(error, Path(store)) from error


def retraining_document(
    document: Mapping[str, Any], feedback: str, champion: str, settings: RetrainingSettings
) -> dict[str, Any]:
    """The parameter file of a retraining.

    Args:
        document: The parameter file that the champion was made by, as a mapping.
        feedback: Address of the labelled rows' version.
        champion: Digest of the present champion's bundle.
        settings: The section `retrain`.

    Returns:
        Another mapping, for `parameters.check`.
    """
    changed = copy.deepcopy(dict(document))
    ingest, register = dict(changed.get("ingest") or {}), dict(changed.get("register") or {})
    ingest["feedback"] = {"uri": feedback, "holdout": settings.holdout}
    register["retrain"] = {
        "champion": champion,
        "margin": settings.margin,
        "fresh_rows": settings.fresh_rows,
    }
    return {**changed, "ingest": ingest, "register": register}
