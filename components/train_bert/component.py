"""The encoder's fine-tuning as a Kubeflow Pipelines component."""

from kfp import dsl

from components.contract.image import TRAIN_IMAGE


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def train_bert(
    dataset: dsl.Input[dsl.Dataset],
    tokens: dsl.Input[dsl.Dataset],
    dataset_digest: str,
    tokens_digest: str,
    settings: dict,
    bundle: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
) -> str:
    """Fine-tune and publish a BERT bundle."""
    from components.training.door import run

    return run(
        "bert", dataset, tokens, settings, bundle, metrics,
        dataset_digest=dataset_digest, tokens_digest=tokens_digest,
    )  # fmt: skip


component = train_bert
