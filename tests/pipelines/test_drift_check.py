"""The drift check as a pipeline: compiled for a cluster, and run by KFP on a laptop."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from typer.testing import CliRunner

from pipelines.cli import app
from tests.conftest import ROOT, reviews, run_python

RUN = """
import sys
from pathlib import Path
from kfp import local
from components.contract.artifact import read_manifest
from pipelines.drift_check import drift_check_pipeline
from pipelines.parameters import load

params, journal, bundle, root = sys.argv[1:]
local.init(local.SubprocessRunner(use_venv=False), pipeline_root=root, raise_on_error=True)
made = drift_check_pipeline(load(Path(params)))(
    journal=journal, bundle=bundle, bundle_digest=read_manifest(bundle).digest
)
print("cause", made.output)
"""


def test_it_finds_another_source(bundle: Path, tmp_path: Path) -> None:
    journal = tmp_path / "export.jsonl"
    rows = [{"text": text[:1_500]} for text, _ in reviews("imdb", 60)]
    journal.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    told = run_python(RUN, str(ROOT / "params.yaml"), str(journal), str(bundle), str(tmp_path))
    assert told.splitlines()[-1] == "cause covariate"


def test_it_compiles_with_what_the_cluster_gives(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    document = yaml.safe_load((ROOT / "params.yaml").read_text())
    document["drift"] = {"alpha": 0.005}
    document["cluster"] = {"image": "registry.example/train@sha256:" + "a" * 64}
    params.write_text(yaml.safe_dump(document))
    out = tmp_path / "drift.yaml"
    arguments = ["compile", "--pipeline", "drift-check", "-o", str(out), "--params", str(params)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    compiled, platform = yaml.safe_load_all(out.read_text())
    assert compiled["pipelineInfo"]["name"] == "tamis-drift-check"
    assert set(compiled["root"]["inputDefinitions"]["parameters"]) == {
        "bundle",
        "bundle_digest",
        "journal",
    }
    (executor,) = [e for n, e in compiled["deploymentSpec"]["executors"].items() if "drift" in n]
    assert executor["container"]["image"] == document["cluster"]["image"]
    assert executor["container"]["resources"]["resourceMemoryLimit"] == "2Gi"
    task = compiled["root"]["dag"]["tasks"]["drift-check"]
    assert task["inputs"]["parameters"]["settings"]["runtimeValue"]["constant"]["alpha"] == 0.005
    assert "securityContext" in json.dumps(platform)


def test_a_wrong_section_is_named(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    document = yaml.safe_load((ROOT / "params.yaml").read_text())
    params.write_text(yaml.safe_dump(document | {"drift": {"alhpa": 0.1}}))
    arguments = ["compile", "--pipeline", "drift-check", "--params", str(params)]
    done = CliRunner().invoke(app, [*arguments, "-o", str(tmp_path / "p.yaml")])
    assert done.exit_code != 0
    assert "alhpa" in str(done.exception)
    assert not (tmp_path / "p.yaml").exists()
