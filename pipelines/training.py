"""The training pipeline: the whole graph on one screen.

ingest ─ tokenize-<name> ─ train-<architecture> ─ evaluate-<architecture> ─ register
         one per tokenizer  one per architecture                            gate, MLflow
"""

# No `from __future__ import annotations` here: kfp reads the pipeline's annotations as objects.
import copy
from typing import Any

from kfp import dsl

from components import catalogue
from components.evaluate.component import component as evaluate
from components.ingest.component import component as ingest
from components.register.component import register_component
from components.tokenize.component import component as tokenize
from pipelines.parameters import Parameters

NAME = "tamis-training"
INPUTS = ("uri", "text_column", "label_column")
"""What of the source is an input of the pipeline; the rest travels as one structure."""


def training_pipeline(parameters: Parameters) -> Any:
    """Build the pipeline for a parameter file.

    Args:
        parameters: Which tokenizers and architectures, and every stage's settings.

    Returns:
        A KFP pipeline; its inputs are the data's address and columns, so that a run started in
        the Kubeflow UI can point at other data.
    """
    source = parameters.source
    architectures = tuple(parameters.architectures)
    register = register_component(architectures)

    @dsl.pipeline(name=NAME, description="Labelled text to a registered champion")
    def pipeline(
        data: str = source["uri"],
        text_column: str = source["text_column"],
        label_column: str = source["label_column"],
    ) -> None:
        dataset = ingest(
            uri=data,
            text_column=text_column,
            label_column=label_column,
            source={key: value for key, value in source.items() if key not in INPUTS},
            settings=dict(parameters.ingest),
        ).outputs["dataset"]
        tokens = {
            name: _named(tokenize, f"tokenize-{name}")(dataset=dataset, settings=dict(settings))
            for name, settings in parameters.tokenizers.items()
        }
        candidates = {}
        for name, settings in parameters.architectures.items():
            train = _named(catalogue.architecture(name).load_component(), f"train-{name}")
            own = tokens[settings["tokenizer"]].outputs["tokens"]
            bundle = train(dataset=dataset, tokens=own, settings=dict(settings)).outputs["bundle"]
            score = _named(evaluate, f"evaluate-{name}")(
                dataset=dataset, bundle=bundle, settings=dict(parameters.evaluate)
            )
            candidates[f"{name}_bundle"] = bundle
            candidates[f"{name}_evaluation"] = score.outputs["evaluation"]
        register(
            dataset=dataset,
            settings=dict(parameters.register),
            run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
            **candidates,
        ).set_caching_options(False)  # the registry's champion is no input that KFP could key on

    return pipeline


def _named(component: Any, name: str) -> Any:
    """The same component under another name, which is what the graph shows.

    KFP numbers repeated components (`evaluate-2`); a display name alone would not change the
    task's key or its folder.
    """
    renamed = copy.deepcopy(component)
    renamed.name = renamed.component_spec.name = name
    return renamed
