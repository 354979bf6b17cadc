from __future__ import annotations

import json
import subprocess
import sys

import pytest

from components.contract.errors import InputError
from components.contract.settings import build
from components.evaluate.door import main
from components.evaluate.settings import EvaluateSettings, Expectation
from tests.conftest import exit_status

PIPELINE = """
import sys
from kfp import dsl, local
from components.contract.image import TRAIN_IMAGE
from components.contract.artifact import read_manifest
from components.evaluate.component import component

@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def copy(source: str, dataset: dsl.Output[dsl.Dataset]):
    import shutil
    shutil.copytree(source, dataset.path)

@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def copy_model(source: str, model: dsl.Output[dsl.Model]):
    import shutil
    shutil.copytree(source, model.path)

@dsl.pipeline(name="p")
def pipeline(dataset: str, bundle: str, dataset_digest: str, bundle_digest: str) -> str:
    return component(
        dataset=copy(source=dataset).output, bundle=copy_model(source=bundle).output,
        settings={"bootstrap": 100, "behaviour_rows": 5},
        dataset_digest=dataset_digest, bundle_digest=bundle_digest,
    ).outputs["Output"]

dataset, bundle, root = sys.argv[1:]
local.init(local.SubprocessRunner(use_venv=False), pipeline_root=root, raise_on_error=True)
digests = {"dataset_digest": read_manifest(dataset).digest,
           "bundle_digest": read_manifest(bundle).digest}
print("digest", pipeline(dataset=dataset, bundle=bundle, **digests).output)
"""
RUN = """
import json, sys
from types import SimpleNamespace
from kfp import dsl
from components.contract.artifact import read_manifest
from components.evaluate.door import run
dataset, bundle, root = sys.argv[1:]
metrics, curves = dsl.Metrics(uri=root), dsl.ClassificationMetrics(uri=root)
evaluation = dsl.Artifact(uri=root + "/evaluation")
run(
    dsl.Dataset(uri=dataset), dsl.Model(uri=bundle), {"bootstrap": 100, "behaviour_rows": 5},
    evaluation, metrics, curves, dsl.HTML(uri=root + "/pages/report"),
    dataset_digest=read_manifest(dataset).digest, bundle_digest=read_manifest(bundle).digest,
)
print(json.dumps([metrics.metadata, curves.metadata, evaluation.metadata]))
"""


def python(script, *arguments):
    return subprocess.run(
        [sys.executable, "-W", "ignore", *map(str, (script, *arguments))],
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_the_component_runs_under_kfp_local(dataset, bundle, tmp_path):
    script = tmp_path / "pipeline.py"  # a file, since kfp reads its components' source
    script.write_text(PIPELINE)
    done = python(script, dataset, bundle, tmp_path / "outputs")
    assert done.returncode == 0, done.stdout + done.stderr
    (manifest,) = (tmp_path / "outputs").rglob("evaluation/manifest.json")
    assert f"digest {json.loads(manifest.read_text())['digest']}" in done.stdout
    (report,) = (p for p in (tmp_path / "outputs").rglob("report") if p.is_file())
    assert report.read_bytes() == (manifest.parent / "report.html").read_bytes()


def test_kubeflow_gets_numbers_a_matrix_and_a_curve(dataset, bundle, tmp_path):
    (tmp_path / "run.py").write_text(RUN)
    done = python(tmp_path / "run.py", dataset, bundle, tmp_path)
    assert done.returncode == 0, done.stderr
    metrics, curves, evaluation = json.loads(done.stdout)
    found = json.loads((tmp_path / "evaluation" / "metrics.json").read_text())
    assert metrics["accuracy"] == found["accuracy"]
    rows = (
        [row["row"] for row in curves["confusionMatrix"]["struct"]["rows"]]
        if ("struct" in curves["confusionMatrix"])
        else [row["row"] for row in curves["confusionMatrix"]["rows"]]
    )
    assert rows == found["confusion"]
    points = curves["confidenceMetrics"]
    points = points.get("list", points) if isinstance(points, dict) else points
    assert len(points) > 10
    assert max(point["confidenceThreshold"] for point in points) <= 1.0
    assert evaluation["architecture"] == "logistic"
    assert (tmp_path / "pages" / "report").read_text().startswith("<!doctype html>")


def test_the_command_writes_a_small_file_for_dvc(dataset, bundle, tmp_path):
    (tmp_path / "params.yaml").write_text("evaluate: {bootstrap: 100, behaviour_rows: 5}\n")
    command = [
        *("--dataset", str(dataset), "--bundle", str(bundle), "--out", str(tmp_path / "out")),
        *("--params", str(tmp_path / "params.yaml"), "--metrics", str(tmp_path / "m" / "m.json")),
    ]
    assert exit_status(main, command) == 0
    small = json.loads((tmp_path / "m" / "m.json").read_text())
    full = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert small == {name: full[name] for name in small}
    assert set(small) == {"accuracy", "macro_f1", "micro_f1", "ece", "log_loss", "rows"}


def test_the_command_names_a_mistyped_parameter(tmp_path, capsys):
    (tmp_path / "params.yaml").write_text("evaluate: {bootstraps: 100}\n")
    command = ["--dataset", "d", "--bundle", "b", "--out", "o"]
    assert exit_status(main, [*command, "--params", str(tmp_path / "params.yaml")]) == 2
    assert "Did you mean bootstrap?" in capsys.readouterr().err


def test_settings_come_from_a_mapping():
    settings = build(
        EvaluateSettings, {"minimum_function": [{"text": "x", "label": "y"}]}, "evaluate"
    )
    assert settings.minimum_function == (Expectation("x", "y"),)
    for wrong in ({"bootstrap": 5}, {"bins": 0}, {"behaviour_rows": -1}, {"seed": -1}):
        with pytest.raises(InputError):
            build(EvaluateSettings, wrong, "evaluate")
