"""An architecture's training as a Kubeflow Pipelines component, one for each name.

All of them do the same; a component's name is its function's.
"""

from typing import Any

from kfp import dsl

from components.contract.errors import InputError
from components.contract.written import may_be_written, written_component

_TEMPLATE = '''\
def train_{name}(
    dataset: dsl.Input[dsl.Dataset],
    tokens: dsl.Input[dsl.Dataset],
    dataset_digest: str,
    tokens_digest: str,
    settings: dict,
    bundle: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
) -> str:
    """Train and publish a bundle of the architecture {name}."""
    from components.training.door import run

    return run(
        "{name}", dataset, tokens, settings, bundle, metrics,
        dataset_digest=dataset_digest, tokens_digest=tokens_digest,
    )
'''


def train_component(architecture: str) -> Any:
    """The component that trains an architecture.

    Args:
        architecture: Its name in the catalogue.

    Returns:
        A Kubeflow Pipelines component named `train-<architecture>`.

    Raises:
        InputError: `bad_parameter` for a name that is no lower-case identifier; nothing else gets
            into the template.
    """
    if not may_be_written(architecture):
        raise InputError("bad_parameter", f"{architecture!r} can't be an architecture's name.")
    source = _TEMPLATE.format(name=architecture)
    return written_component(dsl, f"train_{architecture}", source, f"<train {architecture}>")
