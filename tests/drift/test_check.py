from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from components.contract.artifact import verify
from components.contract.dataset import Dataset
from components.contract.errors import InputError
from components.drift.check import DIAGNOSIS_FILE, KIND, check
from components.drift.door import main
from components.drift.report import REPORT_FILE
from components.drift.settings import CheckSettings
from pipelines.cli import app
from tests.conftest import exit_status, reviews, run_python

RUN = """
import json, sys
from kfp import dsl
from components.contract.artifact import read_manifest
from components.drift.door import run
journal, bundle, root = sys.argv[1:]
metrics, diagnosis = dsl.Metrics(uri=root), dsl.Artifact(uri=root + "/diagnosis")
cause = run(
    dsl.Dataset(uri=journal), dsl.Model(uri=bundle), {}, diagnosis, metrics,
    dsl.HTML(uri=root + "/pages/report"), bundle_digest=read_manifest(bundle).digest,
)
print(json.dumps([cause, metrics.metadata, diagnosis.metadata]))
"""


@pytest.fixture(scope="module")
def held_out(dataset: Path) -> list[tuple[str, str]]:
    """Rows that the bundle has not seen: validation rows are its reference."""
    split = Dataset.open(dataset)
    return [
        (text, split.labels[label])
        for batch in split.batches("test")
        for text, label in zip(batch.texts, batch.labels, strict=True)
    ]


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory, held_out: list[tuple[str, str]]) -> Path:
    """As `tamis journal export` writes it: some usual rows, then another source's."""
    other = [
        (text[:1_500], ("negative", "positive")[int(label)]) for text, label in reviews("imdb", 60)
    ]
    file = tmp_path_factory.mktemp("journal") / "export.jsonl"
    with file.open("w") as stream:
        for i, (text, label) in enumerate([*held_out, *other]):
            time = f"2026-01-01T{i // 3600:02}:{i // 60 % 60:02}:{i % 60:02}+00:00"
            stream.write(json.dumps({"text": text, "label": label, "time": time}) + "\n")
    return file


def test_another_source_is_found_and_reported(
    bundle: Path, journal: Path, held_out: list[tuple[str, str]], tmp_path: Path
) -> None:
    out = tmp_path / "drift"
    manifest = check(journal, bundle, out, CheckSettings(every_rows=20))
    assert verify(out, KIND) == manifest
    assert manifest.facts["drifted"]
    assert manifest.facts["cause"] == "covariate"
    document = json.loads((out / DIAGNOSIS_FILE).read_text())
    assert document["outcomes"] == document["rows"] == len(held_out) + 120
    found = next(e for e in document["episodes"] if e["kind"] == "input")
    assert len(held_out) <= found["found_row"] <= len(held_out) + 40
    assert found["over_row"] is None
    page = (out / REPORT_FILE).read_text()
    assert "other texts than the model was trained on" in page
    assert "2026-01-01T" in page
    assert page.count("data:image/png;base64,") == 4
    assert "<script" not in page
    for text, _ in held_out[:20]:
        assert text[:40] not in page


def test_held_out_texts_are_none(
    bundle: Path, held_out: list[tuple[str, str]], tmp_path: Path
) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(text for text, _ in held_out), encoding="utf-8")
    manifest = check(file, bundle, tmp_path / "drift", CheckSettings())
    assert not manifest.facts["drifted"]
    assert manifest.facts["outcomes"] == 0


def test_the_same_file_gives_the_same_bytes(bundle: Path, journal: Path, tmp_path: Path) -> None:
    made = [check(journal, bundle, tmp_path / name, CheckSettings()) for name in ("a", "b")]
    assert made[0].digest == made[1].digest


def test_no_texts_leave_nothing_behind(bundle: Path, tmp_path: Path) -> None:
    file = tmp_path / "empty.jsonl"
    file.write_text("{}\n")
    with pytest.raises(InputError) as caught:
        check(file, bundle, tmp_path / "drift", CheckSettings())
    assert caught.value.code == "no_rows"
    assert not (tmp_path / "drift").exists()


def test_the_component_s_door(bundle: Path, journal: Path, tmp_path: Path) -> None:
    told = run_python(RUN, str(journal), str(bundle), str(tmp_path)).splitlines()[-1]
    cause, metrics, diagnosis = json.loads(told)
    assert cause == "covariate"
    assert metrics["drifted"] == 1
    assert 0 <= metrics["estimated_accuracy_lower"] <= metrics["estimated_accuracy_upper"] <= 1
    assert diagnosis["cause"] == "covariate"
    assert (tmp_path / "pages/report").read_text().startswith("<!doctype html>")


def test_a_bundle_that_is_another_is_refused(bundle: Path, journal: Path, tmp_path: Path) -> None:
    script = RUN.replace("read_manifest(bundle).digest", "'00'")
    with pytest.raises(AssertionError, match="other_content"):
        run_python(script, str(journal), str(bundle), str(tmp_path))


def test_the_command_lines(
    bundle: Path, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["--file", str(journal), "--bundle", str(bundle), "--out", str(tmp_path / "a")]
    assert exit_status(main, arguments) == 0
    assert (tmp_path / "a" / REPORT_FILE).exists()
    assert exit_status(main, [*arguments[:1], str(tmp_path / "none"), *arguments[2:]]) == 2
    monkeypatch.chdir(tmp_path)
    command = ["drift", str(journal), "--bundle", str(bundle), "--out", "b"]
    told = CliRunner().invoke(app, command)
    assert told.exit_code == 0, told.output
    assert "other texts than the model was trained on" in told.output
    assert "input drift found after" in told.output
    assert "Report: b/report.html" in told.output
    whole = CliRunner().invoke(app, [*command, "--json"])
    assert json.loads(whole.stdout.splitlines()[-1])["cause"] == "covariate"


def test_the_component_compiles() -> None:
    from components.drift.component import component

    spec = component.component_spec
    assert set(spec.inputs) == {"journal", "bundle", "bundle_digest", "settings"}
    assert {"diagnosis", "metrics", "report", "Output"} == set(spec.outputs)
