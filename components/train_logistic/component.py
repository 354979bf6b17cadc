"""Logistic regression's training as a Kubeflow Pipelines component."""

from kfp import dsl

from components.contract.image import TRAIN_IMAGE


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def train_logistic(
    dataset: dsl.Input[dsl.Dataset],
    tokens: dsl.Input[dsl.Dataset],
    dataset_digest: str,
    tokens_digest: str,
    settings: dict,
    bundle: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
) -> str:
    """Train and publish a logistic bundle."""
    from components.training.door import run

    return run(
        "logistic", dataset, tokens, settings, bundle, metrics,
        dataset_digest=dataset_digest, tokens_digest=tokens_digest,
    )  # fmt: skip


component = train_logistic
