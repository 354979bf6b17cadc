"""The ingest stage as a Kubeflow Pipelines component."""

from kfp import dsl

from components.contract.image import TRAIN_IMAGE


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def ingest(
    uri: str,
    text_column: str,
    label_column: str,
    source: dict,
    settings: dict,
    dataset: dsl.Output[dsl.Dataset],
) -> str:
    """Publish a dataset from labelled text."""
    from components.ingest.door import run

    return run(uri, text_column, label_column, source, settings, dataset)


component = ingest
