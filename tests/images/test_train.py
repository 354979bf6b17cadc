"""The train image runs a stage as Kubeflow Pipelines starts it, and holds nothing it needs not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.images.containers import docker, image, readable, run_once

pytestmark = pytest.mark.docker
OUTPUT = "/tmp/kfp_outputs/output_metadata.json"
MANIFEST = "/minio/mlpipeline/dataset/manifest.json"
MARK = "----"
FACTS = """
import os, pathlib
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
def writes(path):
    try:
        pathlib.Path(path, "probe").write_text("x")
    except OSError as error:
        return error.errno
    return 0
print(os.getuid(), os.getgid(), int(status["CapEff"], 16), status["NoNewPrivs"].strip(),
      status["Seccomp"].strip(), writes("/app"), writes("/opt/tamis"), writes("/tmp"))
"""


def test_it_runs_as_nobody_and_writes_nowhere_but_tmp() -> None:
    facts = run_once("train", "python3", "-c", FACTS).split()
    read_only = "30"  # EROFS
    assert facts == ["10001", "10001", "0", "1", "2", read_only, read_only, "0"]


def test_it_has_a_shell_for_kfp_and_no_installer() -> None:
    assert run_once("train", "sh", "-c", "echo here").strip() == "here"
    code = "import importlib.util as u; print([n for n in ('pip', 'uv') if u.find_spec(n)])"
    assert run_once("train", "python", "-c", code).strip() == "[]"


@pytest.fixture(scope="module")
def ingest(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], dict[str, Any]]:
    """The ingest task of the compiled pipeline: its command, and its constant inputs."""
    from pipelines import parameters
    from pipelines.cluster import compile_pipeline
    from tests.conftest import ROOT

    file = tmp_path_factory.mktemp("compiled") / "pipeline.yaml"
    compile_pipeline(parameters.load(ROOT / "params.yaml"), file)
    pipeline, _ = yaml.safe_load_all(file.read_text(encoding="utf-8"))
    container = pipeline["deploymentSpec"]["executors"]["exec-ingest"]["container"]
    inputs = pipeline["root"]["dag"]["tasks"]["ingest"]["inputs"]["parameters"]
    constants = {
        name: value["runtimeValue"]["constant"]
        for name, value in inputs.items()
        if "runtimeValue" in value
    }
    return [*container["command"], *container["args"]], constants


def test_a_stage_runs_on_real_rows_as_kfp_starts_it(
    ingest: tuple[list[str], dict[str, Any]], reviews_csv: Path
) -> None:
    command, constants = ingest
    readable(reviews_csv.parent)
    origin = {"uri": "/rows/reviews.csv", "text_column": "text", "label_column": "label"}
    labels = {"label_names": {"0": "negative", "1": "positive"}}
    artifact = {
        "name": "dataset",
        "type": {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"},
        "uri": "minio://mlpipeline/dataset",  # which KFP's SDK reads and writes under /minio
        "metadata": {},
    }
    told = {
        "inputs": {"parameterValues": {**constants, **origin, "source": labels}},
        "outputs": {
            "parameters": {"Output": {"outputFile": "/tmp/kfp/outputs/Output"}},
            "artifacts": {"dataset": {"artifacts": [artifact]}},
            "outputFile": OUTPUT,
        },
    }
    filled = [json.dumps(told) if word == "{{$}}" else word for word in command]
    # KFP's launcher runs the command and then reads the file; so does a shell here.
    shown = " ".join(f"echo; echo {MARK}; cat {file};" for file in (OUTPUT, MANIFEST))
    script = f'"$@"; {shown} echo; echo {MARK}'
    output = run_once(
        *("train", "sh", "-ec", script, "stage", *filled),
        # KFP mounts such a volume for each kind of object store.
        options=(f"--volume={reviews_csv.parent}:/rows:ro", "--tmpfs=/minio"),
    )
    assert '"event": "finished"' in output
    _, reported, manifest, _ = output.split(MARK)
    metadata = json.loads(reported)["artifacts"]["dataset"]["artifacts"][0]["metadata"]
    rejected = sum(metadata["rejected"].values())
    assert sum(metadata["rows"].values()) + rejected == 600
    assert json.loads(reported)["parameterValues"]["Output"] == metadata["digest"]
    assert json.loads(manifest)["digest"] == metadata["digest"]


def test_rows_of_another_user_s_are_refused_in_one_sentence(tmp_path: Path) -> None:
    """A volume that was mounted without the pod's group."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "reviews.csv").write_text("text,label\na,b\n", encoding="utf-8")
    params = tmp_path / "params.yaml"
    params.write_text("source: {uri: /rows/closed/reviews.csv}", encoding="utf-8")
    tmp_path.chmod(0o755)
    with pytest.raises(RuntimeError) as caught:
        run_once(
            *("train", "python", "-m", "components.ingest"),
            *("--params", "/rows/params.yaml", "--out", "/tmp/dataset"),
            options=(f"--volume={tmp_path}:/rows:ro",),
        )
    assert "unreadable_source" in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_it_holds_what_rotates_and_exports_the_journal() -> None:
    code = (
        "import psycopg, sys\n"
        "from pathlib import Path\n"
        "from serving.transformer.journal import commands\n"
        "from serving.transformer.journal.database import Database\n"
        "from serving.transformer.journal.keyring import create_keys\n"
        "from serving.transformer.journal.settings import JournalSettings\n"
        "create_keys(Path('/tmp/keys'))\n"
        "Database.open(JournalSettings('/tmp/journal.db', '/tmp/keys'), create=True)\n"
        "sys.argv = ['tamis', 'journal', 'rotate', '--journal', '/tmp/journal.db',"
        " '--keys', '/tmp/keys']\n"
        "from pipelines.cli import main\n"
        "main()"
    )
    assert "retired" in run_once("train", "python", "-c", code)


def test_labels_say_what_it_is() -> None:
    told = json.loads(docker("image", "inspect", image("train")))[0]["Config"]
    assert told["User"] == "10001:10001"
    assert told["Labels"]["org.opencontainers.image.title"] == "tamis-train"
    assert len(told["Labels"]["org.opencontainers.image.revision"]) >= 7
    assert not told["Entrypoint"]
