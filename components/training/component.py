"""An architecture's training as a Kubeflow Pipelines component, one for each name.

All of them do the same, and the compiler embeds a function's name and source in the pipeline. So
the function is written from a template, as `dataclasses` writes `__init__`, and put where
`inspect.getsource` finds it.
"""

import linecache
import re
from typing import Any

from kfp import dsl

from components.contract.errors import InputError
from components.contract.image import TRAIN_IMAGE

_NAME = re.compile(r"[a-z][a-z0-9_]*")
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
    if not _NAME.fullmatch(architecture):
        raise InputError("bad_parameter", f"{architecture!r} can't be an architecture's name.")
    source = _TEMPLATE.format(name=architecture)
    file = f"<train {architecture}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace: dict[str, Any] = {"dsl": dsl, "__name__": __name__}
    exec(compile(source, file, "exec", dont_inherit=True), namespace)  # noqa: S102 - see above
    decorate = dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
    return decorate(namespace[f"train_{architecture}"])
