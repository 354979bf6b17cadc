"""`tamis compile | submit | schedule`: the pipeline on a cluster."""

from __future__ import annotations

import dataclasses
import sys
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from components.contract.errors import InputError

if TYPE_CHECKING:
    from pipelines.kfp_api import KfpApi
    from pipelines.parameters import Parameters

EXPERIMENT = "tamis"
DATA, CLUSTER, SERVER = "Data and model", "Cluster", "Kubeflow Pipelines"

Params = Annotated[Path, typer.Option("--params", help="The parameter file.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show a stack when something fails.")]
Data = Annotated[
    str | None,
    typer.Option("--data", help="https:// s3:// gs:// hf:// dvc:// …", rich_help_panel=DATA),
]
TextColumn = Annotated[
    str | None, typer.Option("--text-column", help="The text's column.", rich_help_panel=DATA)
]
LabelColumn = Annotated[
    str | None, typer.Option("--label-column", help="The label's column.", rich_help_panel=DATA)
]
Architectures = Annotated[
    str, typer.Option("--architectures", help="Train these alone.", rich_help_panel=DATA)
]
ModelName = Annotated[
    str | None,
    typer.Option("--model-name", help="The registered model's name.", rich_help_panel=DATA),
]
Image = Annotated[
    str,
    typer.Option("--image", help="Every stage's image, best by digest.", rich_help_panel=CLUSTER),
]
Gpu = Annotated[
    int | None,
    typer.Option("--gpu", help="Accelerators that train-bert gets.", rich_help_panel=CLUSTER),
]
Deploy = Annotated[
    bool | None,
    typer.Option(
        "--deploy/--no-deploy", help="End with the deploy stage.", rich_help_panel=CLUSTER
    ),
]
KfpVersion = Annotated[
    str,
    typer.Option("--kfp-version", help="The back end's, from 2.5 on.", rich_help_panel=CLUSTER),
]
Host = Annotated[
    str,
    typer.Option("--host", envvar="TAMIS_KFP_HOST", help="The API server.", rich_help_panel=SERVER),
]
TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", help="A file with a bearer token.", rich_help_panel=SERVER),
]
Namespace = Annotated[
    str, typer.Option("--namespace", help="The profile's namespace.", rich_help_panel=SERVER)
]
Ca = Annotated[
    Path | None,
    typer.Option("--ca", help="PEM file of the server's authority.", rich_help_panel=SERVER),
]
Experiment = Annotated[
    str, typer.Option("--experiment", help="KFP's experiment.", rich_help_panel=SERVER)
]
ServiceAccount = Annotated[
    str,
    typer.Option("--service-account", help="What the pods run as.", rich_help_panel=SERVER),
]


class Pipeline(Enum):
    """What can be compiled."""

    TRAINING = "training"
    DRIFT_CHECK = "drift-check"
    TUNE = "tune"


def register(app: typer.Typer) -> None:
    """Add the commands to `tamis`.

    Args:
        app: The command line.
    """
    app.command("compile")(compile_)
    app.command("submit")(submit)
    app.command("schedule")(schedule)


def compile_(
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("tamis-training.yaml"),
    manifest: Annotated[
        bool, typer.Option("--manifest", help="Write Pipeline and PipelineVersion objects.")
    ] = False,
    namespace: Annotated[str, typer.Option("--namespace", help="Those objects' own.")] = "",
    pipeline: Annotated[Pipeline, typer.Option(help="Which one.")] = Pipeline.TRAINING,
    data: Data = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    architectures: Architectures = "",
    params: Params = Path("params.yaml"),
    model_name: ModelName = None,
    image: Image = "",
    gpu: Gpu = None,
    deploy: Deploy = None,
    kfp_version: KfpVersion = "",
    debug: Debug = False,
) -> None:
    """Write a pipeline as KFP's intermediate representation, or as objects for GitOps."""
    chosen = _chosen(
        (params, data, text_column, label_column, _names(architectures), model_name),
        image, gpu, deploy, kfp_version,
    )  # fmt: skip
    from pipelines.cluster import compile_pipeline

    compile_pipeline(chosen, output, manifest, namespace, f"tamis-{pipeline.value}")
    Console().print(f"Wrote {output}.", markup=False, highlight=False)


def submit(
    host: Host,
    token_file: TokenFile = None,
    namespace: Namespace = "",
    ca: Ca = None,
    experiment: Experiment = EXPERIMENT,
    service_account: ServiceAccount = "",
    name: Annotated[str, typer.Option("--name", help="The run's name; a date by default.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Follow the run's stages.")] = False,
    poll: Annotated[float, typer.Option("--poll", hidden=True, min=0.01)] = 5.0,
    data: Data = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    architectures: Architectures = "",
    params: Params = Path("params.yaml"),
    model_name: ModelName = None,
    image: Image = "",
    gpu: Gpu = None,
    deploy: Deploy = None,
    kfp_version: KfpVersion = "",
    debug: Debug = False,
) -> None:
    """Start the pipeline on a cluster; with --wait, end as it ends."""
    api = _api(host, token_file, namespace, ca)
    chosen = _chosen(
        (params, data, text_column, label_column, _names(architectures), model_name),
        image, gpu, deploy, kfp_version,
    )  # fmt: skip
    from pipelines import submit as submission  # kfp takes seconds: not before it is needed

    version = submission.upload(api, chosen)
    name = name or f"tamis-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    run_id = submission.start(api, version, experiment, name, service_account)
    console = Console(file=sys.stdout)
    console.print(submission.run_url(api, run_id), markup=False, highlight=False, soft_wrap=True)
    if wait:
        from pipelines.run_stages import RunStages

        with RunStages(console, version.stages) as stages:
            submission.follow(api, run_id, version.stages, stages, poll)
        console.print("succeeded")


def schedule(
    host: Host,
    cron: Annotated[
        str, typer.Option("--cron", help="When, in UTC: five fields, or six with seconds.")
    ] = "",
    name: Annotated[str, typer.Option("--name", help="The schedule's name.")] = "tamis-retraining",
    show: Annotated[bool, typer.Option("--list", help="List the schedules.")] = False,
    remove: Annotated[bool, typer.Option("--delete", help="Delete the one of that name.")] = False,
    token_file: TokenFile = None,
    namespace: Namespace = "",
    ca: Ca = None,
    experiment: Experiment = EXPERIMENT,
    service_account: ServiceAccount = "",
    data: Data = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    architectures: Architectures = "",
    params: Params = Path("params.yaml"),
    model_name: ModelName = None,
    image: Image = "",
    gpu: Gpu = None,
    deploy: Deploy = None,
    kfp_version: KfpVersion = "",
    debug: Debug = False,
) -> None:
    """Run the pipeline again and again; a second call of the same name replaces the first."""
    if [bool(cron), show, remove].count(True) != 1:
        raise InputError("bad_argument", "Give one of --cron, --list and --delete.")
    from pipelines import schedule as schedules
    from pipelines.cron import six_fields

    console = Console(file=sys.stdout)
    if cron:
        six_fields(cron)  # refused before anything is asked of the server
    api = _api(host, token_file, namespace, ca)
    if show:
        _list(console, schedules.find(api))
    elif remove:
        schedules.delete(api, name)
        console.print(f"Deleted {name}.", markup=False, highlight=False)
    else:
        chosen = _chosen(
            (params, data, text_column, label_column, _names(architectures), model_name),
            image, gpu, deploy, kfp_version,
        )  # fmt: skip
        from pipelines.submit import upload

        wanted = schedules.Schedule(name, cron, experiment, service_account)
        identity, outcome = schedules.apply(api, upload(api, chosen), wanted)
        told = f"{outcome}: {name} ({identity}) at {six_fields(cron)} UTC"
        console.print(told, markup=False, highlight=False, soft_wrap=True)


def _list(console: Console, runs: list[Any]) -> None:
    from rich.table import Table

    from pipelines.schedule import cron_of

    table = Table()
    for heading in ("name", "cron (UTC)", "status", "id"):
        table.add_column(heading, no_wrap=True)
    for run in sorted(runs, key=lambda run: str(run.display_name)):
        row = (run.display_name, cron_of(run), run.status, run.recurring_run_id)
        table.add_row(*(escape(str(value or "")) for value in row))
    console.print(table)


def _api(host: str, token_file: Path | None, namespace: str, ca: Path | None) -> KfpApi:
    from pipelines.kfp_api import KfpApi

    return KfpApi(host, token_file, namespace, ca)


def _chosen(
    load: tuple[Any, ...], image: str, gpu: int | None, deploy: bool | None, kfp_version: str
) -> Parameters:
    """The parameter file with the command line's changes, checked again."""
    from pipelines import parameters

    chosen = parameters.load(*load)
    bert = chosen.cluster.train_bert
    cluster = dataclasses.replace(
        chosen.cluster,
        image=image or chosen.cluster.image,
        kfp_version=kfp_version or chosen.cluster.kfp_version,
        train_bert=bert if gpu is None else dataclasses.replace(bert, gpus=gpu),
    )
    cluster.train_bert.check()
    cluster.check()
    stage = dict(chosen.deploy)
    if deploy is not None:
        stage["enabled"] = deploy
    return dataclasses.replace(chosen, cluster=cluster, deploy=stage)


def _names(architectures: str) -> list[str]:
    return [name.strip() for name in architectures.split(",") if name.strip()]
