from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from components.contract.artifact import verify
from components.contract.errors import IntegrityError
from components.ingest import spill as spill_module
from components.ingest.fan_out import door
from components.ingest.fan_out.join import join
from components.ingest.fan_out.plan import Plan
from components.ingest.finish import REJECTED_FILE
from tests.ingest.fan_out.conftest import artifact, dataset_of, single

Rows = list[tuple[str, str]]
PARTS = (1, 2, 3, 7)


def as_csv(path: Path, rows: Sequence[Sequence[str]], *broken: bytes) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerows([("text", "label"), *rows])
    with path.open("ab") as stream:
        stream.write(b"".join(broken))


def as_jsonl(path: Path, rows: Sequence[Sequence[str]]) -> None:
    lines = (json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    path.write_text("\n".join(lines), encoding="utf-8")


def as_parquet(path: Path, rows: Sequence[Sequence[str]]) -> None:
    texts, labels = zip(*rows, strict=True) if rows else ((), ())
    table = pa.table({"text": pa.array(texts, pa.string()), "label": pa.array(labels, pa.string())})
    parquet.write_table(table, path, row_group_size=50)


def as_export(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """An array of Label Studio's tasks, each tenth of them without an annotation."""
    path.write_text(json.dumps([
        {"data": {"text": text}, "annotations": [
            {"result": [{"from_name": "label", "value": {"choices": [label, label]}}]}
        ] if number % 10 else []}
        for number, (text, label) in enumerate(rows)
    ]))  # fmt: skip


Write = Callable[[Path, Sequence[Sequence[str]]], None]


def equal(one: Path, other: Path) -> None:
    """All that a dataset says, and the row numbers of its samples."""
    first, second = verify(one, "dataset"), verify(other, "dataset")
    assert first.facts == second.facts
    assert first.digest == second.digest
    assert first.measured["rejected_rows"] == second.measured["rejected_rows"]
    assert (one / REJECTED_FILE).read_bytes() == (other / REJECTED_FILE).read_bytes()


@pytest.mark.parametrize("files", [1, 2, 5])
@pytest.mark.parametrize(
    ("write", "ending"),
    [(as_csv, "csv"), (as_jsonl, "jsonl"), (as_parquet, "parquet"), (as_export, "json")],
)
def test_any_number_of_parts_makes_the_same_dataset(
    messy: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write, ending: str,
    files: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(spill_module, "BUFFER_BYTES", 150_000)  # so that partitions grow on disk
    (tmp_path / "in").mkdir()
    filled = min(files, 4)
    for file in range(files):  # of different sizes, one of five empty
        first, end = (len(messy) * min(n, filled) ** 2 // filled**2 for n in (file, file + 1))
        write(tmp_path / "in" / f"{file}.{ending}", messy[first:end])
    params = {"source": {"uri": str(tmp_path / "in")}, "ingest": {"max_rejected": 0.5,
              "max_characters": 1_900}}  # fmt: skip
    facts = single(params, tmp_path / "single").facts
    assert all(facts["rejected"][reason] for reason in ("duplicate", "conflicting_duplicate"))
    for parts in PARTS:
        dataset_of(params, parts, tmp_path / str(parts), seed=parts)
        equal(tmp_path / str(parts) / "dataset", tmp_path / "single")


def test_broken_lines_and_slices_and_filters(messy: Rows, tmp_path: Path) -> None:
    """The first of equal texts gives the slice, whichever part read it."""
    rows = [(*row, f"s{number % 5}", "ab"[number % 7 == 0]) for number, row in enumerate(messy)]
    path = tmp_path / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label", "from", "year"), *rows])
    with path.open("ab") as stream:
        stream.write(
            b"too,few\r\n\r\ncaf\xe9,1,s1,a\r\n" + b"y" * 200_000 + b',1,s1,a\r\n"a"b,1\r\n'
        )
    params = {
        "source": {
            "uri": str(path), "slices": ["from"], "where": {"year": "a"},
            "label_names": {"0": " bad ", "1": "good"},
        },
        "ingest": {"max_rejected": 0.9, "labels": [" bad ", "good"]},
    }  # fmt: skip
    facts = single(params, tmp_path / "single").facts
    assert facts["rejected"]["malformed"] == 2
    assert facts["rows_filtered"] > 0
    for parts in PARTS:
        dataset_of(params, parts, tmp_path / str(parts))
        equal(tmp_path / str(parts) / "dataset", tmp_path / "single")


def test_feedback_is_joined_once(messy: Rows, reviews: Rows, tmp_path: Path) -> None:
    as_csv(tmp_path / "rows.csv", messy)
    known = [(f"{text.upper()}!", label, "fresh") for text, label in reviews[100:130]]
    new = [(f"a fresh opinion of number {i}", str(i % 2), "fresh") for i in range(60)]
    old = [(f"an older opinion of number {i}", str(i % 2), "feedback") for i in range(30)]
    same = [(text, label, "feedback") for text, label in reviews[140:150]]
    lines = [
        json.dumps({"text": text, "label": label, "origin": origin})
        for text, label, origin in [*known, *new, *old, *same, ("", "1", "fresh")]
    ]
    (tmp_path / "back.jsonl").write_text("\n".join(lines))
    params = {
        "source": {"uri": str(tmp_path / "rows.csv")},
        "ingest": {"max_rejected": 0.5, "feedback": {"uri": str(tmp_path / "back.jsonl")}},
    }
    assert single(params, tmp_path / "single").facts["slices"] == ["origin"]
    for parts in PARTS:
        dataset_of(params, parts, tmp_path / str(parts))
        equal(tmp_path / str(parts) / "dataset", tmp_path / "single")


@pytest.mark.parametrize(
    ("rows", "ingest"),
    [
        ([], {}),
        ([("", "1")] * 9, {}),
        ([(f"t {i}", "1") for i in range(99)], {}),
        ([(f"t {i}", str(i % 2)) for i in range(99)] + [("", "0")] * 40, {}),
        ([(f"t {i}", str(i % 2)) for i in range(99)] + [(f"t {i}", "2") for i in range(20)], {}),
        ([("a", "rare"), ("a", "other"), *[(f"t {i}", str(i % 2)) for i in range(99)]], {}),
        ([(f"t {i}", str(i % 2)) for i in range(99)], {"labels": ["0", "1", "2"]}),
    ],
)
def test_the_same_error_with_the_same_numbers(
    rows: Rows, ingest: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    as_csv(tmp_path / "rows.csv", rows)
    params = {"source": {"uri": str(tmp_path / "rows.csv")}, "ingest": ingest}
    with pytest.raises(SystemExit):
        single(params, tmp_path / "single")
    expected = capsys.readouterr().err.splitlines()[-1]
    assert expected.count(": ") >= 1
    for parts in PARTS:
        with pytest.raises(SystemExit) as caught:
            dataset_of(params, parts, tmp_path / str(parts))
        assert caught.value.code == 2
        assert capsys.readouterr().err.splitlines()[-1] == expected
        assert not (tmp_path / str(parts) / "dataset").exists()


def test_labels_that_only_all_parts_together_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("components.contract.limits.LABELS", 50)
    as_csv(tmp_path / "rows.csv", [(f"t {i}", str(i)) for i in range(60)])
    with pytest.raises(SystemExit):
        dataset_of({"source": {"uri": str(tmp_path / "rows.csv")}}, 3, tmp_path / "out")
    assert "too_many_labels" in capsys.readouterr().err.splitlines()[-1]
    assert (tmp_path / "out" / "rows2").exists()


@pytest.fixture
def ran(messy: Rows, tmp_path: Path) -> Path:
    """A fan-out of three parts over a CSV file."""
    as_csv(tmp_path / "rows.csv", messy)
    params = {"source": {"uri": str(tmp_path / "rows.csv")}, "ingest": {"max_rejected": 0.5}}
    dataset_of(params, 3, tmp_path / "ran")
    return tmp_path / "ran"


def test_a_retry_of_any_task_gives_the_same_bytes(ran: Path) -> None:
    plan = artifact(ran / "plan")
    digest = verify(ran / "plan", "plan").digest
    parts = [ran / f"rows{part}" for part in range(3)]
    before = [verify(part, "rows").digest for part in parts]
    again = [door.run_part(plan, n, artifact(p), plan_digest=digest) for n, p in enumerate(parts)]
    assert again == before
    dataset = verify(ran / "dataset", "dataset").digest
    rows = [artifact(part) for part in parts]
    inputs = {"plan_digest": digest, "parts_digests": before}
    assert door.run_join(plan, rows, artifact(ran / "dataset"), **inputs) == dataset
    assert sorted(p.name for p in ran.iterdir()) == ["dataset", "plan", "rows0", "rows1", "rows2"]


@pytest.mark.parametrize("chosen", [(0, 1), (0, 1, 1), (0, 1, 2, 2), ()])
def test_parts_that_are_not_the_plans_are_refused(ran: Path, chosen: tuple[int, ...]) -> None:
    parts = tuple(ran / f"rows{part}" for part in chosen)
    before = verify(ran / "dataset", "dataset")
    with pytest.raises(IntegrityError) as caught:
        join(Plan.open(ran / "plan"), parts, None, ran / "dataset")
    assert caught.value.code == "other_content"
    assert verify(ran / "dataset", "dataset") == before


def test_parts_of_another_plan_are_refused(ran: Path, messy: Rows, tmp_path: Path) -> None:
    as_csv(tmp_path / "rows.csv", messy[1:])
    params = {"source": {"uri": str(tmp_path / "rows.csv")}, "ingest": {"max_rejected": 0.5}}
    dataset_of(params, 3, tmp_path / "other")
    parts = (ran / "rows0", ran / "rows1", tmp_path / "other" / "rows2")
    with pytest.raises(IntegrityError, match="not the 3 of the plan"):
        join(Plan.open(ran / "plan"), parts, None, ran / "dataset")


def test_a_damaged_part_is_refused(ran: Path) -> None:
    file = ran / "rows1" / "rows.arrow"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(IntegrityError, match="not the file that was published"):
        join(Plan.open(ran / "plan"), tuple(ran / f"rows{n}" for n in range(3)), None, ran / "d")


def test_a_digest_that_no_task_returned_is_refused(
    ran: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [artifact(ran / f"rows{part}") for part in range(3)]
    digest = verify(ran / "plan", "plan").digest
    digests = [verify(Path(each.path), "rows").digest for each in rows]
    for plan_digest, parts_digests in (
        ("0" * 64, digests), (digest, digests[1:]), (digest, [digests[0]] * 3),
    ):  # fmt: skip
        with pytest.raises(SystemExit):
            door.run_join(
                artifact(ran / "plan"), rows, artifact(ran / "new"),
                plan_digest=plan_digest, parts_digests=parts_digests,
            )  # fmt: skip
        assert "other_content: " in capsys.readouterr().err.splitlines()[-1]
    assert not (ran / "new").exists()


def test_data_that_changes_in_between_is_refused(
    ran: Path, messy: Rows, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    as_csv(tmp_path / "rows.csv", messy[1:])
    shutil.rmtree(ran / "rows1")
    digest = verify(ran / "plan", "plan").digest
    with pytest.raises(SystemExit) as caught:
        door.run_part(artifact(ran / "plan"), 1, artifact(ran / "rows1"), plan_digest=digest)
    assert caught.value.code == 1
    assert "changed_meanwhile: " in capsys.readouterr().err.splitlines()[-1]
    assert not (ran / "rows1").exists()


def test_a_part_that_the_plan_has_not(ran: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digest = verify(ran / "plan", "plan").digest
    for part in (-1, 3):
        with pytest.raises(SystemExit):
            door.run_part(artifact(ran / "plan"), part, artifact(ran / "x"), plan_digest=digest)
        assert "no_such_part: " in capsys.readouterr().err.splitlines()[-1]
