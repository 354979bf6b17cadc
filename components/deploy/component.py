"""The deploy stage as a Kubeflow Pipelines component."""

from kfp import dsl

from components.contract.image import TRAIN_IMAGE


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def deploy(
    registration: dsl.Input[dsl.Artifact],
    registration_digest: str,
    settings: dict,
    deployment: dsl.Output[dsl.Artifact],
) -> str:
    """Serve the champion behind a live InferenceService, canary first."""
    from components.deploy.door import run

    return run(registration, settings, deployment, registration_digest=registration_digest)


component = deploy
