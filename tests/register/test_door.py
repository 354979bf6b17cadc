from __future__ import annotations

import json
import subprocess
import sys

import pytest

from components.contract.artifact import read_manifest
from components.contract.errors import InputError
from components.register.component import register_component
from components.register.door import decision_page, main
from tests.conftest import exit_status
from tests.register.conftest import SETTINGS

pytestmark = [
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:kfp"),
]
PIPELINE = """
import sys
from pathlib import Path
from kfp import dsl, local
from components.contract.image import TRAIN_IMAGE
from components.contract.artifact import read_manifest
from components.register.component import register_component

@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def copy(source: str, dataset: dsl.Output[dsl.Dataset]):
    import shutil
    shutil.copytree(source, dataset.path)

@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def copy_model(source: str, model: dsl.Output[dsl.Model]):
    import shutil
    shutil.copytree(source, model.path)

@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def copy_any(source: str, artifact: dsl.Output[dsl.Artifact]):
    import shutil
    shutil.copytree(source, artifact.path)

DIGESTS = [read_manifest(path).digest for path in sys.argv[1:4]]

@dsl.pipeline(name="p")
def pipeline(dataset: str, bundle: str, evaluation: str) -> str:
    return register_component(("logistic",))(
        dataset=copy(source=dataset).output, settings={"floor": 0.4}, run_id="run-7",
        logistic_bundle=copy_model(source=bundle).output,
        logistic_evaluation=copy_any(source=evaluation).output,
        dataset_digest=DIGESTS[0], logistic_bundle_digest=DIGESTS[1],
        logistic_evaluation_digest=DIGESTS[2],
    ).outputs["Output"]

dataset, bundle, evaluation, root = sys.argv[1:]
local.init(
    local.SubprocessRunner(use_venv=False), pipeline_root=root, raise_on_error=True
)
print("digest", pipeline(dataset=dataset, bundle=bundle, evaluation=evaluation).output)
"""


@pytest.mark.slow
def test_the_generated_component_runs_under_kfp_local(trained, registry, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    strong = trained.strong
    arguments = [trained.dataset, strong.bundle, strong.evaluation, tmp_path / "outputs"]
    script = tmp_path / "pipeline.py"  # a file, since kfp reads its components' source
    script.write_text(PIPELINE)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (published,) = (tmp_path / "outputs").rglob("registration/manifest.json")
    manifest = read_manifest(published.parent, "registration")
    assert f"digest {manifest.digest}" in done.stdout
    assert registry.resolve("champion").tags["kfp_run_id"] == "run-7"
    (page,) = (tmp_path / "outputs").rglob("decision")
    assert "Promoted" in page.read_text(encoding="utf-8")


def test_every_architecture_brings_two_inputs():
    component = register_component(("logistic", "lstm", "bert_base"))
    inputs = set(component.component_spec.inputs)
    assert {"bert_base_bundle", "bert_base_evaluation", "lstm_bundle", "run_id"} <= inputs
    assert {"dataset_digest", "lstm_bundle_digest", "bert_base_evaluation_digest"} <= inputs
    assert len(inputs) == 16
    code = register_component(("other",)).python_func.__code__.co_names
    assert "components.register.door" in code


@pytest.mark.parametrize(
    "names", [(), ("a", "a"), ("Bert",), ("x: str, y",), ("a b",), ("1a",), ("a\n",)]
)
def test_only_identifiers_get_into_the_template(names):
    with pytest.raises(InputError):
        register_component(names)


def test_the_command_registers_and_answers(trained, registry, tmp_path, monkeypatch, capsys):
    from components.contract.environment import environment

    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    environment.cache_clear()
    (tmp_path / "params.yaml").write_text(f"register: {{floor: {SETTINGS.floor}}}\n")
    command = [
        *("--dataset", str(trained.dataset), "--out", str(tmp_path / "out")),
        *("--params", str(tmp_path / "params.yaml")),
        f"--candidate=logistic={trained.strong.bundle},{trained.strong.evaluation}",
    ]
    assert exit_status(main, command) == 0
    assert capsys.readouterr().out.startswith("promoted: ")
    assert json.loads((tmp_path / "out" / "decision.json").read_text())["promote"] is True


def test_the_command_refuses_what_it_cannot_read(tmp_path, capsys):
    (tmp_path / "params.yaml").write_text("register: {flor: 0.5}\n")
    common = ["--dataset", "d", "--out", "o", "--params", str(tmp_path / "params.yaml")]
    assert exit_status(main, [*common, "--candidate", "logistic=b,e"]) == 2
    assert "floor" in capsys.readouterr().err
    (tmp_path / "params.yaml").write_text("")
    assert exit_status(main, [*common, "--candidate", "logistic"]) == 2
    assert "NAME=BUNDLE,EVALUATION" in capsys.readouterr().err


def test_the_decision_page_escapes_what_data_says():
    check = {"name": "slices", "passed": False, "sentence": "The slice '<script>' loses."}
    page = decision_page({"outcome": "refused", "reason": "<b>&", "checks": [check]})
    assert "<script>" not in page
    assert "&lt;b&gt;&amp;" in page
