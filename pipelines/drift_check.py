"""The drift check as a pipeline of its own, to be run by hand or again and again.

journal ─┐
         ├─ drift-check: what has changed, a report, the accuracy that is likely left
bundle  ─┘
"""

# No `from __future__ import annotations` here: kfp reads the pipeline's annotations as objects.
from typing import Any

from kfp import dsl

from components.drift.component import component as drift_check
from pipelines.cluster_settings import ClusterSettings
from pipelines.parameters import Parameters
from pipelines.resources import for_cluster

NAME = "tamis-drift-check"


def drift_check_pipeline(parameters: Parameters, cluster: ClusterSettings | None = None) -> Any:
    """Build the pipeline.

    Args:
        parameters: Their section `drift`.
        cluster: What a cluster gives its task; None for a laptop.

    Returns:
        A KFP pipeline; its inputs are the addresses of a file that `tamis journal export` wrote
        and of a bundle, and the bundle's digest. It returns what the drift looks like, empty when
        there is none.
    """

    @dsl.pipeline(  # type: ignore[untyped-decorator]  # its overloads know no arguments and outputs
        name=NAME, description="Has what is asked changed since training?"
    )
    def pipeline(journal: str, bundle: str, bundle_digest: str) -> str:
        # The export of today may lie where yesterday's lay.
        rows = dsl.importer(artifact_uri=journal, artifact_class=dsl.Dataset, reimport=True)
        model = dsl.importer(artifact_uri=bundle, artifact_class=dsl.Model, reimport=False)
        made = drift_check(
            journal=rows.output,
            bundle=model.output,
            bundle_digest=bundle_digest,
            settings=dict(parameters.drift),
        )
        made.set_caching_options(False)
        if cluster is not None:
            for_cluster(made, "drift-check", cluster)
        return made.outputs["Output"]  # type: ignore[no-any-return]

    return pipeline
