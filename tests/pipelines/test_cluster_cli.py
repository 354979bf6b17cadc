"""`tamis compile | submit | schedule` against a server that plays Kubeflow Pipelines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from components.contract.errors import TamisError
from pipelines import cluster_cli, schedule, submit
from pipelines.kfp_api import KfpApi
from tests.conftest import ROOT, run_python
from tests.pipelines.kfp_server import KfpServer

STAGES = ["ingest", "tokenize-bpe", "train-logistic", "evaluate-logistic", "register"]
IMAGE = "registry/tamis@sha256:" + "0" * 64
OPTIONS = ["--params", str(ROOT / "params.yaml"), "--architectures", "logistic"]

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def server() -> Iterator[KfpServer]:
    with KfpServer() as running:
        yield running


def tamis(*arguments: str) -> Result:
    app = typer.Typer()
    cluster_cli.register(app)
    return CliRunner().invoke(app, list(arguments))


def refusal(*arguments: str) -> TamisError:
    result = tamis(*arguments)
    assert isinstance(result.exception, TamisError), (result.output, result.exception)
    assert "\n" not in str(result.exception)
    return result.exception


def with_server(server: KfpServer, command: str, *arguments: str) -> list[str]:
    return [command, "--host", server.url, *OPTIONS, *arguments]


def test_a_run_is_started_from_a_version_named_by_content(server: KfpServer) -> None:
    result = tamis(*with_server(server, "submit"))
    assert result.exit_code == 0, result.exception
    ((run_id, run),) = server.runs.items()
    assert result.output.strip() == f"{server.url}/#/runs/details/{run_id}"
    version = server.versions[run["pipeline_version_reference"]["pipeline_version_id"]]
    assert version["display_name"].startswith("tamis-training-")
    parameters = run["runtime_config"]["parameters"]
    assert parameters["data"].startswith("package://")
    assert server.experiments[run["experiment_id"]]["display_name"] == "tamis"
    again = tamis(*with_server(server, "submit", "--experiment", "other"))
    assert again.exit_code == 0, again.exception
    assert len(server.versions) == 2, "the upload's own and ours: the second run adds none"
    assert len(server.experiments) == 2
    other = tamis(*with_server(server, "submit", "--image", "registry/tamis:2"))
    assert other.exit_code == 0
    assert len(server.versions) == 3


def test_lists_are_read_to_their_last_page(server: KfpServer) -> None:
    tamis(*with_server(server, "submit"))
    for number in range(3):
        server.experiments[f"x{number}"] = {"experiment_id": f"x{number}", "display_name": "tamis"}
    api = KfpApi(server.url)
    found = list(api.listed(api._experiments.experiment_service_list_experiments, "experiments"))
    assert len(found) == 4


def test_wait_follows_the_stages_to_the_end(server: KfpServer) -> None:
    server.states = [
        {},
        {"ingest": "RUNNING"},
        {"ingest": "SUCCEEDED", "tokenize-bpe": "RUNNING"},
        {**dict.fromkeys(STAGES, "SUCCEEDED"), "tokenize-bpe": "SKIPPED", "": "SUCCEEDED"},
    ]
    result = tamis(*with_server(server, "submit", "--wait", "--poll", "0.01"))
    assert result.exit_code == 0, result.exception
    lines = result.output.splitlines()[1:]
    assert lines[:3] == ["ingest: running", "ingest: succeeded", "tokenize-bpe: running"]
    assert "tokenize-bpe: skipped" in lines
    assert lines[-1] == "succeeded"
    assert not [line for line in lines if "driver" in line]


def test_wait_ends_with_the_failing_stages_name_and_reason(server: KfpServer) -> None:
    server.states = [
        {"ingest": "SUCCEEDED", "tokenize-bpe": "RUNNING"},
        {"ingest": "SUCCEEDED", "tokenize-bpe": "FAILED", "": "FAILED"},
    ]
    server.errors = {"tokenize-bpe": "disk_full: There is\nno space left."}
    error = refusal(*with_server(server, "submit", "--wait", "--poll", "0.01"))
    assert error.code == "run_failed"
    assert "tokenize-bpe failed: disk_full: There is no space left." in str(error)
    assert error.exit_status != 0


def test_a_canceled_run_is_no_success(server: KfpServer) -> None:
    server.states = [{"": "CANCELED"}]
    assert refusal(*with_server(server, "submit", "--wait")).code == "run_canceled"


def test_an_api_server_that_restarts_has_not_lost_the_run(server: KfpServer) -> None:
    api = KfpApi(server.url)
    tamis(*with_server(server, "submit"))
    server.refuse = {("GET", "/runs/"): (503, "starting")}
    seen: list[tuple[str, str]] = []

    def change(stage: str, state: str) -> None:
        seen.append((stage, state))

    server.states = [{"ingest": "RUNNING"}, {"ingest": "SUCCEEDED", "": "SUCCEEDED"}]
    calls = iter(range(100))
    call = api.call

    def counted(method: Any, *arguments: Any, **named: Any) -> Any:
        if next(calls) == 3:
            server.refuse = {}
        return call(method, *arguments, **named)

    api.call = counted  # type: ignore[method-assign]
    submit.follow(api, next(iter(server.runs)), ("ingest",), change, 0.01)
    assert seen == [("ingest", "RUNNING"), ("ingest", "SUCCEEDED")]
    server.refuse = {("GET", "/runs/"): (403, "no")}
    with pytest.raises(TamisError) as caught:
        submit.follow(api, next(iter(server.runs)), ("ingest",), change, 0.01)
    assert caught.value.code == "not_authorised"


def test_the_token_is_sent_and_read_anew(server: KfpServer, tmp_path: Path) -> None:
    server.token = "first"
    assert refusal(*with_server(server, "submit")).code == "not_authenticated"
    file = tmp_path / "token"
    file.write_text("first\n")
    arguments = with_server(server, "submit", "--token-file", str(file))
    assert tamis(*arguments).exit_code == 0
    api = KfpApi(server.url, file)
    server.token = "second"
    file.write_text("second")
    assert api.experiment("tamis")
    file.write_text("two words")
    assert refusal(*arguments).code == "bad_token"
    assert refusal(*with_server(server, "submit", "--token-file", "none")).code == "not_found"


def test_a_namespace_of_somebody_else_is_not_authorised(server: KfpServer) -> None:
    error = refusal(*with_server(server, "submit", "--namespace", "theirs"))
    assert error.code == "not_authorised"
    assert "--namespace" in str(error)


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("localhost:8888", "bad_host"),
        ("http://127.0.0.1:9", "unreachable"),
        ("ftp://x", "bad_host"),
    ],
)
def test_a_host_that_isnt_there_is_one_sentence(host: str, code: str) -> None:
    assert refusal("submit", "--host", host, *OPTIONS).code == code
    assert refusal("schedule", "--host", host, "--list").code == code


def test_an_older_back_end_is_told_by_its_refusal_and_then_served(server: KfpServer) -> None:
    server.unknown = {"securityContext"}
    error = refusal(*with_server(server, "submit"))
    assert error.code == "old_backend"
    assert "securityContext" in str(error)
    assert "kfp_version" in str(error)
    assert tamis(*with_server(server, "submit", "--kfp-version", "2.5")).exit_code == 0


def test_a_login_page_is_recognised(server: KfpServer) -> None:
    server.refuse = {("GET", "/pipelines"): (302, "Found")}
    assert refusal(*with_server(server, "submit")).code == "not_authenticated"


def crons(server: KfpServer) -> list[str]:
    return [run["trigger"]["cron_schedule"]["cron"] for run in server.recurring.values()]


def test_a_schedule_is_created_once_and_replaced(server: KfpServer) -> None:
    weekly = with_server(server, "schedule", "--cron", "0 3 * * 0")
    result = tamis(*weekly)
    assert result.exit_code == 0, result.exception
    assert result.output.startswith("created: tamis-retraining ")
    (first,) = server.recurring
    assert crons(server) == ["0 0 3 * * 0"]
    run = server.recurring[first]
    assert run["no_catchup"] is True
    assert run["max_concurrency"] == "1"
    assert tamis(*weekly).output.startswith("unchanged: ")
    assert list(server.recurring) == [first]
    daily = with_server(server, "schedule", "--cron", "0 4 * * *")
    assert tamis(*daily).output.startswith("replaced: ")
    assert crons(server) == ["0 0 4 * * *"]
    assert first not in server.recurring


def test_another_image_or_a_disabled_one_is_replaced(server: KfpServer) -> None:
    arguments = with_server(server, "schedule", "--cron", "0 3 * * 0")
    tamis(*arguments)
    assert tamis(*arguments, "--image", "x:2").output.startswith("replaced: ")
    (identity,) = server.recurring
    server.recurring[identity]["status"] = "DISABLED"
    assert tamis(*arguments, "--image", "x:2").output.startswith("replaced: ")
    assert len(server.recurring) == 1


def test_a_kill_between_create_and_delete_is_mended_by_the_next_call(server: KfpServer) -> None:
    tamis(*with_server(server, "schedule", "--cron", "0 3 * * 0"))
    server.refuse = {("DELETE", "/recurringruns"): (503, "killed here")}
    daily = with_server(server, "schedule", "--cron", "0 4 * * *")
    assert refusal(*daily).code == "refused"
    assert sorted(crons(server)) == ["0 0 3 * * 0", "0 0 4 * * *"], "never none"
    server.refuse = {}
    assert tamis(*daily).output.startswith("unchanged: ")
    assert crons(server) == ["0 0 4 * * *"]


def test_two_equal_ones_become_one(server: KfpServer) -> None:
    arguments = with_server(server, "schedule", "--cron", "0 3 * * 0")
    tamis(*arguments)
    (identity,) = server.recurring
    twin = {**server.recurring[identity], "recurring_run_id": "twin"}
    server.recurring["twin"] = twin
    tamis(*arguments)
    assert len(server.recurring) == 1


def test_schedules_are_listed_and_deleted(server: KfpServer) -> None:
    host = ["schedule", "--host", server.url]
    tamis(*with_server(server, "schedule", "--cron", "0 3 * * 0", "--name", "weekly"))
    tamis(*with_server(server, "schedule", "--cron", "0 4 * * *", "--name", "daily"))
    listed = tamis(*host, "--list").output
    assert listed.index("daily") < listed.index("weekly")
    assert "0 0 3 * * 0" in listed
    assert refusal(*host, "--delete", "--name", "wekly").code == "no_schedule"
    assert tamis(*host, "--delete", "--name", "weekly").exit_code == 0
    assert crons(server) == ["0 0 4 * * *"]


def test_a_bad_cron_is_refused_before_anything_is_asked(server: KfpServer) -> None:
    assert refusal(*with_server(server, "schedule", "--cron", "61 3 * * 0")).code == "bad_cron"
    assert server.requests == []
    assert refusal("schedule", "--host", server.url).code == "bad_argument"
    both = with_server(server, "schedule", "--cron", "0 3 * * 0", "--delete")
    assert refusal(*both).code == "bad_argument"


def test_compile_takes_what_the_cluster_gives(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    result = tamis(
        "compile", *OPTIONS[:2], "--output", str(file), "--image", IMAGE, "--gpu", "2", "--deploy",
    )  # fmt: skip
    assert result.exit_code == 0, result.exception
    pipeline, platform = yaml.safe_load_all(file.read_text())
    executors = pipeline["deploymentSpec"]["executors"]
    assert {e["container"]["image"] for e in executors.values()} == {IMAGE}
    accelerator = executors["exec-train-bert"]["container"]["resources"]["accelerator"]
    assert accelerator["resourceCount"] == "2"
    assert "deploy" in pipeline["root"]["dag"]["tasks"]
    assert platform["platforms"]


def test_a_manifest_is_two_objects_for_gitops(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    result = tamis("compile", *OPTIONS, "-o", str(file), "--manifest", "--namespace", "kubeflow")
    assert result.exit_code == 0, result.exception
    pipeline, version = yaml.safe_load_all(file.read_text())
    assert (pipeline["kind"], version["kind"]) == ("Pipeline", "PipelineVersion")
    assert {d["apiVersion"] for d in (pipeline, version)} == {"pipelines.kubeflow.org/v2beta1"}
    assert version["spec"]["pipelineName"] == pipeline["metadata"]["name"] == "tamis-training"
    assert version["metadata"]["name"].startswith("tamis-training-")
    assert version["spec"]["platformSpec"]


@pytest.mark.parametrize(
    "arguments",
    [("--image", "bad image"), ("--gpu", "-1"), ("--kfp-version", "2.4"), ("--kfp-version", "3")],
)
def test_bad_choices_are_refused(tmp_path: Path, arguments: tuple[str, str]) -> None:
    output = tmp_path / "p.yaml"
    error = refusal("compile", *OPTIONS, "-o", str(output), *arguments)
    assert error.code == "bad_parameter"
    assert not output.exists()


def test_the_commands_module_imports_nothing_heavy() -> None:
    heavy = ("kfp", "kfp_server_api", "kubernetes", "kserve", "mlflow", "torch", "pandas")
    script = f"""
import sys, pipelines.cluster_cli
print([name for name in {heavy!r} if name in sys.modules])
"""
    assert run_python(script) == "[]"
    assert sys.modules["pipelines.cluster_cli"] is cluster_cli
    assert schedule.ENABLED == "ENABLED"
