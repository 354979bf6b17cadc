"""The search as a pipeline: all trials proposed at once, as many at a time as there is room for.

ingest ─ tokenize-<name> ─┬─ tune-<architecture>-trial ─┐
                          ├─ …, trained and scored      ├─ tune-<architecture>: the best, a report
                          └─ on the validation rows     ┘

Settings are drawn when the pipeline is compiled, by the search's own sampler with the parameters'
seed: the graph shows what will be tried, and the pods need no search library. `kfp.local` can't run
`dsl.Collected` (see fan_out.py); on a laptop there is `tamis tune`.
"""

# No `from __future__ import annotations` here: kfp reads the pipeline's annotations as objects.
import dataclasses
from typing import Any

from kfp import dsl

from components.contract.errors import InputError
from components.tune.component import choose, trial
from components.tune.space import propose, search_of
from pipelines.cluster_settings import COLLECTED, ClusterSettings
from pipelines.fan_out import result
from pipelines.parameters import Parameters
from pipelines.prepared import prepared
from pipelines.resources import for_cluster
from pipelines.training import named

NAME = "tamis-tune"


def tune_pipeline(parameters: Parameters, cluster: ClusterSettings | None = None) -> Any:
    """Build the pipeline.

    Args:
        parameters: Which architectures to search, and their section `tune`.
        cluster: What a cluster gives each task; None for none.

    Returns:
        A KFP pipeline; its inputs are the data's address and columns. Each `tune-<architecture>`
        returns what the best trial overrides the architecture's section with, as JSON.

    Raises:
        InputError: `no_search` for an architecture without a search space; `bad_parameter` for a
            back end that can't collect what a loop made.
    """
    if cluster is not None and cluster.minor < COLLECTED:
        raise InputError(
            "bad_parameter",
            f"Parallel trials need a kfp_version of 2.{COLLECTED} or later, not "
            f"{cluster.kfp_version}.",
        )
    source, metric = parameters.source, str(parameters.register["metric"])
    shards = 1 if cluster is None else cluster.shards
    proposals = {
        name: propose(search_of(name), parameters.tune.trials, int(settings.get("seed", 0)))
        for name, settings in parameters.architectures.items()
    }

    # A trial gets what its architecture's training does, on one node.
    like = {f"tune-{name}-trial": f"train-{name}" for name in parameters.architectures}
    given = cluster and dataclasses.replace(
        cluster, train_bert=dataclasses.replace(cluster.train_bert, nodes=1)
    )

    def task(component: Any, name: str, **inputs: Any) -> Any:
        made = named(component, name)(**inputs)
        if given is not None:
            for_cluster(made, like.get(name, name), given)
        return made

    @dsl.pipeline(name=NAME, description="Better settings, by the validation rows")
    def pipeline(
        data: str = source["uri"],
        text_column: str = source["text_column"],
        label_column: str = source["label_column"],
    ) -> None:
        dataset, tokens = prepared(task, parameters, shards, data, text_column, label_column)
        for name, settings in parameters.architectures.items():
            own = result("tokens", tokens[settings["tokenizer"]])
            numbers = list(range(len(proposals[name])))
            with dsl.ParallelFor(numbers, parallelism=parameters.tune.parallel) as number:
                tried = task(
                    trial, f"tune-{name}-trial", **dataset, **own,
                    architecture=name, settings=dict(settings), proposals=proposals[name],
                    number=number,
                )  # fmt: skip
                if cluster is not None and settings.get("framework") == "tensorflow":
                    tried.set_container_image(cluster.tensorflow_image)
            task(
                choose, f"tune-{name}", architecture=name, metric=metric,
                proposals=proposals[name], results=dsl.Collected(tried.outputs["Output"]),
            )  # fmt: skip

    return pipeline
