"""Kubeflow Pipelines components whose function is written from a template.

A component's inputs are its function's parameters, its name is the function's, and the compiler
embeds the source in the pipeline. So a component that there is one of for each architecture is
written, as `dataclasses` writes `__init__`, and put where `inspect.getsource` finds it.
"""

from __future__ import annotations

import linecache
import re
from typing import Any

from components.contract.image import TRAIN_IMAGE

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def may_be_written(name: str) -> bool:
    """Whether a name may go into a template: a lower-case identifier, no code."""
    return _NAME.fullmatch(name) is not None


def written_component(dsl: Any, function: str, source: str, file: str) -> Any:
    """The component of a function.

    Args:
        dsl: The module `kfp.dsl`; whatever only opens bundles does without it.
        function: The function's name.
        source: Its definition, which may use `dsl`; whoever wrote it has checked what went in.
        file: A name for its source, one of its own.

    Returns:
        A Kubeflow Pipelines component.
    """
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace: dict[str, Any] = {"dsl": dsl, "__name__": __name__}
    exec(compile(source, file, "exec", dont_inherit=True), namespace)  # noqa: S102 - see above
    decorate = dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
    return decorate(namespace[function])
