"""The tokenize stage as a Kubeflow Pipelines component."""

from kfp import dsl

from components.contract.image import TRAIN_IMAGE


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def tokenize(
    dataset: dsl.Input[dsl.Dataset],
    dataset_digest: str,
    settings: dict,
    tokens: dsl.Output[dsl.Dataset],
) -> str:
    """Write a dataset's rows as token ids."""
    from components.tokenize.door import run

    return run(dataset, settings, tokens, dataset_digest=dataset_digest)


component = tokenize
