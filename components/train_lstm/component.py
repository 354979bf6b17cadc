"""The LSTM's training as a Kubeflow Pipelines component."""

from kfp import dsl

from components.contract.image import TRAIN_IMAGE


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def train_lstm(
    dataset: dsl.Input[dsl.Dataset],
    tokens: dsl.Input[dsl.Dataset],
    settings: dict,
    bundle: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
) -> str:
    """Train and publish an LSTM bundle."""
    from components.training.door import run

    return run("lstm", dataset, tokens, settings, bundle, metrics)


component = train_lstm
