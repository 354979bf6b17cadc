from __future__ import annotations

import json
import subprocess
import sys
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

PIPELINE = """
import sys
from kfp import dsl, local
from components.contract.image import TRAIN_IMAGE
from components.contract.artifact import read_manifest
from components.drift.component import component

@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def copy(source: str, journal: dsl.Output[dsl.Dataset]):
    import shutil
    shutil.copyfile(source, journal.path)

@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def copy_model(source: str, model: dsl.Output[dsl.Model]):
    import shutil
    shutil.copytree(source, model.path)

@dsl.pipeline(name="p")
def pipeline(journal: str, bundle: str, bundle_digest: str) -> str:
    return component(
        journal=copy(source=journal).output, bundle=copy_model(source=bundle).output,
        bundle_digest=bundle_digest, settings={"every_rows": 50},
    ).outputs["Output"]

journal, bundle, root = sys.argv[1:]
local.init(local.SubprocessRunner(use_venv=False), pipeline_root=root, raise_on_error=True)
made = pipeline(journal=journal, bundle=bundle, bundle_digest=read_manifest(bundle).digest)
print("cause", made.output)
"""
RUN = """
import json, shutil, sys
from kfp import dsl
from components.contract.artifact import read_manifest
from components.drift.door import run
journal, bundle, root = sys.argv[1:]
metrics, diagnosis = dsl.Metrics(uri=root), dsl.Artifact(uri=root + "/diagnosis")
cause = run(
    dsl.Dataset(uri=shutil.copy(journal, root + "/journal")), dsl.Model(uri=bundle), {},
    diagnosis, metrics,
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
    assert diagnosis["outcomes"] == diagnosis["rows"] > 120
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


def test_the_component_runs_under_kfp_local(bundle: Path, journal: Path, tmp_path: Path) -> None:
    script = tmp_path / "pipeline.py"  # kfp reads components' source
    script.write_text(PIPELINE)
    command = [sys.executable, str(script), str(journal), str(bundle), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    assert done.stdout.splitlines()[-1] == "cause covariate"
    (report,) = tmp_path.glob("**/drift-check/report")
    assert "other texts than the model was trained on" in report.read_text()
