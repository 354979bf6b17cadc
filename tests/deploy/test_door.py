from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from components.contract.artifact import read_manifest
from components.deploy.door import main, run
from tests.conftest import exit_status

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]

PIPELINE = """
import sys
from kfp import dsl, local
from components.contract.artifact import read_manifest
from components.contract.image import TRAIN_IMAGE
from components.deploy.component import component

@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def copy(source: str, artifact: dsl.Output[dsl.Artifact]):
    import shutil
    shutil.copytree(source, artifact.path)

registration, root = sys.argv[1:]
DIGEST = read_manifest(registration).digest

@dsl.pipeline(name="p")
def pipeline(registration: str) -> str:
    return component(
        registration=copy(source=registration).output, registration_digest=DIGEST,
        settings={"ready_s": 5.0, "max_replicas": 2.0},
    ).outputs["Output"]

local.init(local.SubprocessRunner(use_venv=False), pipeline_root=root, raise_on_error=True)
print("digest", pipeline(registration=registration).output)
"""


@dataclass
class Artifact:
    """What a Kubeflow artifact has for a component."""

    path: str
    metadata: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
def nobody(registration: Callable[..., Path]) -> Path:
    """A registration without a champion: nothing needs a cluster."""
    return registration(None)


def test_kubeflows_door_tells_what_came_of_it(nobody: Path, tmp_path: Path) -> None:
    out = Artifact(str(tmp_path / "out"))
    digest = read_manifest(nobody).digest
    told = run(Artifact(str(nobody)), {}, out, registration_digest=digest)
    assert told == read_manifest(tmp_path / "out", "deployment").digest
    assert out.metadata["outcome"] == "skipped"


def test_a_registration_of_another_content_is_refused(
    nobody: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = Artifact(str(tmp_path / "out"))
    with pytest.raises(SystemExit) as caught:
        run(Artifact(str(nobody)), {}, out, registration_digest="0" * 64)
    assert caught.value.code == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("other_content: ")


def test_the_command_answers_in_a_line(
    nobody: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = tmp_path / "params.yaml"
    params.write_text("deploy: {name: reviews}\n")
    command = ["--registration", str(nobody), "--out", str(tmp_path / "o"), "--params", str(params)]
    assert exit_status(main, command) == 0
    assert capsys.readouterr().out == "skipped: reviews\n"
    params.write_text("deploy: {nam: reviews}\n")
    assert exit_status(main, command) == 2
    assert "Did you mean name" in capsys.readouterr().err


@pytest.mark.slow
def test_the_component_runs_under_kfp_local(nobody: Path, tmp_path: Path) -> None:
    script = tmp_path / "pipeline.py"  # a file, since kfp reads its components' source
    script.write_text(PIPELINE)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), str(nobody), str(tmp_path / "outputs")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (manifest,) = (tmp_path / "outputs").rglob("deployment/manifest.json")
    assert f"digest {read_manifest(manifest.parent).digest}" in done.stdout
