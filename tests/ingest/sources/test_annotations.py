"""Records as Label Studio and Argilla export them, to rows."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from components.contract.errors import InputError
from components.ingest.sources.jsonl import read_json
from components.ingest.sources.source import Row


def choice(*labels: str, control: str = "sentiment", **more: Any) -> dict[str, Any]:
    """An annotation of Label Studio with one result."""
    result = {
        "id": "Dx_aB91ISN",
        "from_name": control,
        "to_name": "text",
        "type": "choices",
        "origin": "manual",
        "value": {"choices": list(labels)},
    }
    return {
        "id": 1001, "result": [result], "was_cancelled": False, "ground_truth": False,
        "lead_time": 4.3, "completed_by": 10, **more,
    }  # fmt: skip


def task(number: int, text: str, *annotations: Any) -> dict[str, Any]:
    return {
        "id": number,
        "data": {"text": text, "meta": {"page": number}},
        "annotations": list(annotations),
        "predictions": [{"result": choice("a model's")["result"], "score": 0.9}],
        "project": 83,
    }


STUDIO = [
    task(1, "nobody's"),
    task(2, "bon", choice("pos")),
    task(3, "mauvais", choice("neg"), choice("pos", was_cancelled=True), choice("neg")),
    task(4, "partagé", choice("neg"), choice("pos")),
    task(5, "autre", choice("film", control="topic")),
    {**task(6, "sans"), "annotations": None},
]
ARGILLA = [
    {
        "id": "a1", "fields": {"text": "bon"}, "metadata": {"page": 1}, "vectors": {},
        "suggestions": {"label": {"value": "a model's", "score": 0.9, "agent": "m"}},
        "responses": {}, "status": "pending", "_server_id": "9",
    },
    {
        "id": "a2", "fields": {"text": "mauvais"}, "metadata": {"page": 2}, "vectors": {},
        "suggestions": {},
        "responses": {"label": [
            {"value": "neg", "user_id": "u1"}, {"value": "pos", "user_id": "u2"},
            {"value": "neg", "user_id": "u3", "status": "submitted"},
            {"value": "pos", "user_id": "u4", "status": "discarded"},
        ]},
        "status": "completed",
    },
]  # fmt: skip


def read(records: Any, *columns: str, lines: bool = False) -> list[Row]:
    data = "\n".join(map(json.dumps, records)) if lines else json.dumps(records)
    return list(read_json(io.BytesIO(data.encode()), "export.json", columns))


@pytest.mark.parametrize("lines", [False, True], ids=["array", "lines"])
def test_label_studios_tasks(lines: bool) -> None:
    rows = read(STUDIO, "text", "sentiment", lines=lines)
    assert [row["text"] for row in rows] == [task["data"]["text"] for task in STUDIO]
    answers = [row["sentiment"] for row in rows]
    assert answers == [[], ["pos"], ["neg", "neg"], ["neg", "pos"], [], []]
    assert read(STUDIO, "text", "sentiment", "meta.page", "id")[2] == {
        "text": "mauvais", "sentiment": ["neg", "neg"], "meta.page": 3, "id": 3,
    }  # fmt: skip


def test_argillas_records() -> None:
    assert read(ARGILLA, "text", "label") == [
        {"text": "bon", "label": []},
        {"text": "mauvais", "label": ["neg", "pos", "neg"]},
    ]
    assert read(ARGILLA, "text", "label", "status", "page")[0]["status"] == "pending"


@pytest.mark.parametrize(("records", "known"), [(STUDIO, "sentiment"), (ARGILLA, "label")])
def test_a_question_that_nobody_was_asked_names_its_neighbours(records: Any, known: str) -> None:
    with pytest.raises(InputError) as caught:
        read(records, "text", f"{known}s")
    assert caught.value.code == "unknown_column"
    assert known in caught.value.hint


def test_fields_may_be_named_as_they_stand() -> None:
    records = STUDIO[1:3]
    path = "annotations.0.result.0.value.choices.0"
    assert read(records, "data.text", path)[1] == {"data.text": "mauvais", path: "neg"}


def test_other_objects_that_have_a_field_data_are_left_alone() -> None:
    assert read([{"data": "a", "label": 1}], "data", "label") == [{"data": "a", "label": 1}]
    with pytest.raises(InputError):
        read([{"data": {"text": "a"}, "label": 1}], "text", "label")
