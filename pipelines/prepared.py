"""The first tasks of a graph that trains: the data and its tokens, in one part or in several."""

from __future__ import annotations

from typing import Any

from components.ingest.component import component as ingest
from components.tokenize.component import component as tokenize
from pipelines.fan_out import Task, ingest_in_parts, result, tokenize_in_parts
from pipelines.parameters import Parameters

INPUTS = ("uri", "text_column", "label_column")
"""What of the source is an input of the pipeline; the rest travels as one structure."""


def prepared(
    task: Task, parameters: Parameters, shards: int, *given: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Add ingest and one tokenize for each tokenizer to a pipeline under construction.

    Args:
        task: Makes a task.
        parameters: Their source, ingest and tokenizers.
        shards: Parts of each stage.
        *given: The pipeline's inputs, in the order of `INPUTS`.

    Returns:
        The dataset as another task's inputs, and tokenizer -> the task that stands for its stage.
    """
    data, text_column, label_column = given
    rest = {key: value for key, value in parameters.source.items() if key not in INPUTS}
    origin = {
        "uri": data,
        "text_column": text_column,
        "label_column": label_column,
        "source": rest,
        "settings": dict(parameters.ingest),
    }
    if shards > 1:
        ingested = ingest_in_parts(task, shards, origin)
    else:
        ingested = task(ingest, "ingest", **origin)
        ingested.set_caching_options(False)  # an address doesn't say what lies there today
    dataset = result("dataset", ingested)
    return dataset, {
        name: tokenize_in_parts(task, f"tokenize-{name}", shards, dataset, settings)
        if shards > 1
        else task(tokenize, f"tokenize-{name}", **dataset, settings=dict(settings))
        for name, settings in parameters.tokenizers.items()
    }
