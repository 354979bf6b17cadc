"""The training pipeline: the whole graph on one screen.

ingest ─ tokenize-<name> ─ train-<architecture> ─ evaluate-<architecture> ─ register ─ deploy
         one per tokenizer  one per architecture                            gate,      KServe,
                                                                            MLflow     on demand
Beside each artifact travels its digest, as a parameter: KFP's cache keys on that. On a cluster,
ingest and tokenize may be several tasks each. Their tasks are added by pipelines/prepared.py.
"""

# No `from __future__ import annotations` here: kfp reads the pipeline's annotations as objects.
import copy
from typing import Any

from kfp import dsl

from components.deploy.component import component as deploy
from components.evaluate.component import component as evaluate
from components.register.component import register_component
from components.train_job.component import component as train_job
from components.training.component import train_component
from pipelines.cluster_settings import ClusterSettings
from pipelines.fan_out import result
from pipelines.parameters import Parameters
from pipelines.prepared import prepared
from pipelines.resources import for_cluster, mount_bundles, train_job_settings

NAME = "tamis-training"


def training_pipeline(parameters: Parameters, cluster: ClusterSettings | None = None) -> Any:
    """Build the pipeline for a parameter file.

    Args:
        parameters: Which tokenizers and architectures, and every stage's settings.
        cluster: What a cluster gives each task; None for a laptop.

    Returns:
        A KFP pipeline; its inputs are the data's address and columns, so that a run started in
        the Kubeflow UI can point at other data.
    """
    source = parameters.source
    architectures = tuple(parameters.architectures)
    shards = 1 if cluster is None else cluster.shards

    def task(component: Any, name: str, **inputs: Any) -> Any:
        made = named(component, name)(**inputs)
        if cluster is not None:
            for_cluster(made, name, cluster)
        return made

    @dsl.pipeline(name=NAME, description="Labelled text to a registered champion")
    def pipeline(
        data: str = source["uri"],
        text_column: str = source["text_column"],
        label_column: str = source["label_column"],
    ) -> None:
        dataset, tokens = prepared(task, parameters, shards, data, text_column, label_column)
        candidates: dict[str, Any] = {}
        for name, settings in parameters.architectures.items():
            own = result("tokens", tokens[settings["tokenizer"]])
            train, extra = train_component(name), {}
            if name == "bert" and cluster is not None and cluster.train_bert.nodes > 1:
                train, extra = train_job, {"job": train_job_settings(cluster)}
            trained = task(
                train, f"train-{name}", **dataset, **own, settings=dict(settings), **extra
            )
            if cluster is not None and settings.get("framework") == "tensorflow":
                trained.set_container_image(cluster.tensorflow_image)
            bundle = result("bundle", trained)
            scored = task(
                evaluate, f"evaluate-{name}", **dataset, **bundle,
                settings=dict(parameters.evaluate),
            )  # fmt: skip
            made = bundle | result("evaluation", scored)
            candidates |= {f"{name}_{key}": value for key, value in made.items()}
        registered = task(
            register_component(architectures),
            "register",
            **dataset,
            settings=dict(parameters.register),
            run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
            **candidates,
        )
        registered.set_caching_options(False)  # the registry's champion is no input that KFP sees
        if parameters.deploy.get("enabled"):
            deployed = task(
                deploy, "deploy", **result("registration", registered),
                settings=dict(parameters.deploy),
            )  # fmt: skip
            deployed.set_caching_options(False)  # nor is what the cluster serves
            if cluster is not None:
                mount_bundles(deployed, parameters.deploy)

    return pipeline


def named(component: Any, name: str) -> Any:
    """The same component under another name, which is what the graph shows.

    KFP numbers repeated components (`evaluate-2`); a display name alone would not change the
    task's key or its folder.

    Args:
        component: A KFP component.
        name: Its new name.

    Returns:
        A copy.
    """
    renamed = copy.deepcopy(component)
    renamed.name = renamed.component_spec.name = name
    return renamed
