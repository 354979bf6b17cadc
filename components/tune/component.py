"""A search's trials and their end, as Kubeflow Pipelines components."""

from kfp import dsl

from components.contract.image import TRAIN_IMAGE


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def trial(
    architecture: str,
    settings: dict,
    proposals: list,
    number: int,
    dataset: dsl.Input[dsl.Dataset],
    dataset_digest: str,
    tokens: dsl.Input[dsl.Dataset],
    tokens_digest: str,
    metrics: dsl.Output[dsl.Metrics],
) -> str:
    """Train with one of the proposed settings and score on the validation rows."""
    from components.tune.door import run_trial

    return run_trial(
        architecture, settings, proposals, number, dataset, tokens, metrics,
        dataset_digest=dataset_digest, tokens_digest=tokens_digest,
    )  # fmt: skip


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def choose(
    architecture: str,
    metric: str,
    proposals: list,
    results: list,
    best: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
) -> str:
    """Choose the best trial and report on all."""
    from components.tune.door import run_choose

    return run_choose(architecture, metric, proposals, results, best, report)
