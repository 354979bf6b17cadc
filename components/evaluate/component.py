"""The evaluate stage as a Kubeflow Pipelines component."""

from kfp import dsl

from components.contract.image import TRAIN_IMAGE


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def evaluate(
    dataset: dsl.Input[dsl.Dataset],
    bundle: dsl.Input[dsl.Model],
    dataset_digest: str,
    bundle_digest: str,
    settings: dict,
    evaluation: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    classification: dsl.Output[dsl.ClassificationMetrics],
    report: dsl.Output[dsl.HTML],
) -> str:
    """Evaluate a bundle on a dataset's validation and test splits."""
    from components.evaluate.door import run

    return run(
        dataset, bundle, settings, evaluation, metrics, classification, report,
        dataset_digest=dataset_digest, bundle_digest=bundle_digest,
    )  # fmt: skip


component = evaluate
