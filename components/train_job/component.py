"""Training on several nodes as a Kubeflow Pipelines component."""

from kfp import dsl

from components.contract.image import TRAIN_IMAGE


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def train_job(
    dataset: dsl.Input[dsl.Dataset],
    tokens: dsl.Input[dsl.Dataset],
    dataset_digest: str,
    tokens_digest: str,
    settings: dict,
    job: dict,
    bundle: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
) -> str:
    """Train on several nodes that share a volume, and publish the bundle."""
    from components.train_job.door import run

    return run(
        dataset, tokens, settings, job, bundle, metrics,
        dataset_digest=dataset_digest, tokens_digest=tokens_digest,
    )  # fmt: skip


component = train_job
