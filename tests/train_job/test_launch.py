"""Training by a TrainJob, against a server that plays Kubernetes and runs the job's own command."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.cluster import objects
from components.cluster.objects import CustomObjects
from components.contract.artifact import read_manifest, verify
from components.contract.errors import TamisError
from components.train_job.job import API_VERSION, GROUP, PLURAL, train_job, training_runtime
from components.train_job.launch import launch
from components.train_job.settings import TrainJobSettings
from tests.cluster.server import ApiServer
from tests.conftest import ROOT

SECTION = {"hash_bits": 14, "epochs": 1, "seed": 3}
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]


class Trainer:
    """Runs a TrainJob's command on this machine, as one node.

    Attributes:
        ends: What the next jobs end with; `Complete` once it is empty.
        started: How many jobs were started.
    """

    def __init__(self, api: ApiServer) -> None:
        self.api, self.ends, self.started = api, ["Complete"], 0
        self._threads: list[threading.Thread] = []
        api.controller = self._start

    def _start(self, name: str) -> None:
        if name in self.api.objects:
            self.started += 1
            self._threads.append(threading.Thread(target=self._run, args=(name,)))
            self._threads[-1].start()

    def _run(self, name: str) -> None:
        end = self.ends.pop(0) if self.ends else "Complete"
        trainer = self.api.objects[name]["spec"]["trainer"]
        assert trainer["command"] == ["torchrun"]
        if end == "Complete":
            subprocess.run([sys.executable, "-W", "ignore", *trainer["args"]], cwd=ROOT, check=True)
        said = {"type": end, "status": "True", "message": "node 1: exit 137"}
        self.api.set_status(name, {"conditions": [said]})

    def join(self) -> None:
        for thread in self._threads:
            thread.join()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "WAIT_S", 0.01)


@pytest.fixture
def trainer() -> Iterator[Trainer]:
    with ApiServer(f"/apis/{GROUP}/{API_VERSION}/namespaces/kubeflow/{PLURAL}") as api:
        made = Trainer(api)
        yield made
        made.join()


@pytest.fixture
def api(trainer: Trainer) -> CustomObjects:
    from kubernetes import client

    configuration = client.Configuration(host=trainer.api.url)
    configuration.retries = False
    return CustomObjects(client.ApiClient(configuration), "kubeflow", GROUP, API_VERSION, PLURAL)


@pytest.fixture
def settings(tmp_path: Path) -> TrainJobSettings:
    return TrainJobSettings(
        architecture="logistic", shared=str(tmp_path / "shared"), nodes=2, timeout_s=60
    )


def test_the_bundle_is_the_one_that_the_train_stage_makes(
    dataset: Path, tokens: Path, tmp_path: Path, settings: TrainJobSettings, api: CustomObjects
) -> None:
    from components.train_logistic.settings import LogisticSettings
    from components.train_logistic.train import train

    manifest = launch(dataset, tokens, tmp_path / "bundle", SECTION, settings, api)
    direct = train(dataset, tokens, tmp_path / "direct", LogisticSettings(**SECTION))  # type: ignore[arg-type]
    assert verify(tmp_path / "bundle", "bundle").digest == manifest.digest == direct.digest
    assert list((Path(settings.shared) / "jobs").iterdir()) == []


def test_a_retry_finds_the_job_that_runs_or_its_bundle(
    dataset: Path, tokens: Path, tmp_path: Path, settings: TrainJobSettings,
    api: CustomObjects, trainer: Trainer, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def killed(*arguments: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(CustomObjects, "wait", killed)
        with pytest.raises(KeyboardInterrupt):
            launch(dataset, tokens, tmp_path / "bundle", SECTION, settings, api)
    assert not (tmp_path / "bundle").exists()
    launch(dataset, tokens, tmp_path / "bundle", SECTION, settings, api)
    assert trainer.started == 1
    verify(tmp_path / "bundle", "bundle")
    assert trainer.api.objects == {}


def test_a_failed_job_is_told_and_the_next_try_makes_another(
    dataset: Path, tokens: Path, tmp_path: Path, settings: TrainJobSettings,
    api: CustomObjects, trainer: Trainer,
) -> None:  # fmt: skip
    trainer.ends = ["Failed"]
    with pytest.raises(TamisError) as caught:
        launch(dataset, tokens, tmp_path / "bundle", SECTION, settings, api)
    assert caught.value.code == "train_job_failed"
    assert "node 1: exit 137" in str(caught.value)
    launch(dataset, tokens, tmp_path / "bundle", SECTION, settings, api)
    assert trainer.started == 2
    verify(tmp_path / "bundle", "bundle")


def test_inputs_that_were_copied_by_half_are_copied_again(
    dataset: Path, tokens: Path, tmp_path: Path, settings: TrainJobSettings, api: CustomObjects,
    trainer: Trainer,
) -> None:  # fmt: skip
    trainer.ends = ["Failed"]
    with pytest.raises(TamisError):
        launch(dataset, tokens, tmp_path / "bundle", SECTION, settings, api)
    (work,) = (Path(settings.shared) / "jobs").iterdir()
    shutil.rmtree(work / "dataset" / "train")
    (work / "dataset" / "manifest.json").unlink()
    launch(dataset, tokens, tmp_path / "bundle", SECTION, settings, api)
    verify(tmp_path / "bundle", "bundle")


def test_other_data_or_settings_make_another_job(
    dataset: Path, tokens: Path, tmp_path: Path, settings: TrainJobSettings, api: CustomObjects,
    trainer: Trainer,
) -> None:  # fmt: skip
    names = []
    before = trainer.api.before

    def note(verb: str, name: str) -> Any:
        if verb == "delete":
            names.append(name)
        return before(verb, name)

    trainer.api.before = note
    launch(dataset, tokens, tmp_path / "a", SECTION, settings, api)
    launch(dataset, tokens, tmp_path / "b", {**SECTION, "seed": 4}, settings, api)
    assert len(set(names)) == 2
    assert read_manifest(tmp_path / "a").digest != read_manifest(tmp_path / "b").digest


def test_a_train_job_asks_for_nodes_and_accelerators() -> None:
    settings = TrainJobSettings(nodes=4, processes=2, accelerators=2, image="x@sha256:0")
    job = train_job("tamis-bert-1", "/var/tamis/jobs/1", settings)
    trainer = job["spec"]["trainer"]
    assert (trainer["numNodes"], trainer["numProcPerNode"]) == (4, 2)
    assert trainer["resourcesPerNode"]["limits"]["nvidia.com/gpu"] == "2"
    assert trainer["args"][:2] == ["-m", "components.train_bert"]
    assert job["spec"]["runtimeRef"]["kind"] == "TrainingRuntime"


def test_the_runtimes_pods_are_hardened_and_share_the_volume() -> None:
    runtime = training_runtime("tamis-torch", "tamis-train:1", "state", "/var/tamis")
    (job,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
    labels = job["template"]["metadata"]["labels"]
    assert labels["trainer.kubeflow.org/trainjob-ancestor-step"] == "trainer"
    pod = job["template"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["automountServiceAccountToken"] is False
    assert {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}


def test_the_runtimes_pod_is_one_of_kubernetes_own() -> None:
    from tests.deploy.typed import unknown_fields

    runtime = training_runtime("tamis-torch", "tamis-train:1", "state", "/var/tamis")
    job = runtime["spec"]["template"]["spec"]["replicatedJobs"][0]["template"]
    assert list(unknown_fields(job, "V1JobTemplateSpec")) == []
