"""The drift check as a Kubeflow Pipelines component."""

from kfp import dsl

from components.contract.image import TRAIN_IMAGE


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def drift_check(
    journal: dsl.Input[dsl.Dataset],
    bundle: dsl.Input[dsl.Model],
    bundle_digest: str,
    settings: dict,
    diagnosis: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
) -> str:
    """Look for drift in a journal's export, and say what it looks like."""
    from components.drift.door import run

    return run(
        journal, bundle, settings, diagnosis, metrics, report, bundle_digest=bundle_digest,
    )  # fmt: skip


component = drift_check
