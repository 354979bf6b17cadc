"""Exports of annotation tools: one answer an annotator, to rows with a column for each question.

Label Studio's JSON (https://labelstud.io/guide/task_format): `data` holds the texts, and each of
the `annotations` a `result` for each control. Argilla's (`records.to_json`,
https://docs.argilla.io/latest/how_to_guides/import_export/): `fields` holds the texts and
`responses` a list of answers for each question. Both tools' flat exports (CSV, JSON-MIN, Parquet)
are tables like any other, and need nothing of this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Record = Mapping[str, Any]
Unfold = Callable[[Record], dict[str, Any]]

UNANSWERED: Record = {"annotations": [], "responses": {}}
"""What a record without answers has in either tool."""
UNSUBMITTED = ("discarded", "draft")
"""States of an Argilla response that isn't its author's word."""


def layout(record: Record) -> Unfold | None:
    """How an export's records become rows, told by one of them; None for any other record."""
    if isinstance(record.get("data"), dict) and isinstance(record.get("annotations"), list):
        return label_studio
    if isinstance(record.get("fields"), dict) and isinstance(record.get("responses"), dict):
        return argilla
    return None


def label_studio(record: Record) -> dict[str, Any]:
    """A task of Label Studio as a row.

    Args:
        record: The task.

    Returns:
        Its own fields, its data's, and for each control of choices the list of all annotators'
        choices; an annotation that was skipped says nothing.
    """
    answers: dict[str, list[Any]] = {}
    for annotation in _mappings(record.get("annotations")):
        if annotation.get("was_cancelled"):
            continue
        for result in _mappings(annotation.get("result")):
            value = result.get("value")
            if isinstance(value, dict) and isinstance(value.get("choices"), list):
                answers.setdefault(str(result.get("from_name")), []).extend(value["choices"])
    return {**record, **_mapping(record.get("data")), **answers}


def argilla(record: Record) -> dict[str, Any]:
    """A record of Argilla as a row.

    Args:
        record: The record.

    Returns:
        Its own fields, its metadata, its texts, and for each question the list of all answers that
        were submitted; suggestions, which a model made, are no answers.
    """
    answers: dict[str, list[Any]] = {}
    for question, responses in _mapping(record.get("responses")).items():
        given = answers.setdefault(str(question), [])
        for response in _mappings(responses):
            if response.get("status") not in UNSUBMITTED:
                value = response.get("value")
                given.extend(value if isinstance(value, list) else [value])
    return {**record, **_mapping(record.get("metadata")), **_mapping(record["fields"]), **answers}


def _mapping(value: Any) -> Record:
    return value if isinstance(value, dict) else {}


def _mappings(value: Any) -> list[Record]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
