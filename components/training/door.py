"""The training stages' doors: a Kubeflow component's call and a command line, for any of them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components import catalogue
from components.contract.artifact import Manifest
from components.contract.dataset import KIND as DATASET
from components.contract.errors import InputError
from components.contract.exits import exit_on_error
from components.contract.provenance import require_digest
from components.contract.settings import build, neighbours, read_params
from components.contract.tokens import KIND as TOKENS

INHERITED = ("seed", "class_weights")
"""Settings of all architectures that may stand at the parameter file's top level, once for all."""


def run(
    architecture: str,
    dataset: Any,
    tokens: Any,
    settings: dict[str, Any],
    bundle: Any,
    metrics: Any,
    *,
    dataset_digest: str,
    tokens_digest: str,
) -> str:
    """Train on Kubeflow artifacts.

    Args:
        architecture: Its name in the catalogue.
        dataset: Input artifact, a published dataset.
        tokens: Input artifact, that dataset's published tokens.
        settings: The architecture's section of the parameters.
        bundle: Output artifact.
        metrics: Output artifact for the validation metrics and the cost.
        dataset_digest: What ingest returned.
        tokens_digest: What tokenize returned.

    Returns:
        The bundle's digest.

    Raises:
        SystemExit: With the error's exit status, its sentence being the log's last line.
    """
    with exit_on_error():
        require_digest(Path(dataset.path), DATASET, dataset_digest)
        require_digest(Path(tokens.path), TOKENS, tokens_digest)
        manifest = _train(
            architecture, Path(dataset.path), Path(tokens.path), settings, Path(bundle.path)
        )
    validation = manifest.facts["validation"]
    metrics.log_metric("validation_accuracy", validation["accuracy"])
    metrics.log_metric("validation_log_loss", validation["log_loss"])
    metrics.log_metric("cpu_s", manifest.measured["cpu_s"])
    bundle.metadata.update(
        architecture=architecture,
        labels=manifest.facts["labels"],
        digest=manifest.digest,
        data_digest=manifest.facts["data_digest"],
    )
    return manifest.digest


def main(architecture: str, argv: list[str] | None = None) -> None:
    """Run `python -m components.train_<architecture>`.

    Args:
        architecture: Its name in the catalogue.
        argv: Arguments; the process's own by default.

    Raises:
        SystemExit: With the error's exit status.
    """
    parser = argparse.ArgumentParser(prog=f"components.train_{architecture}")
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    arguments = parser.parse_args(argv)
    with exit_on_error():
        settings = section(read_params(arguments.params), architecture)
        _train(architecture, arguments.dataset, arguments.tokens, settings, arguments.out)


def section(params: Mapping[str, Any], architecture: str) -> dict[str, Any]:
    """An architecture's parameters, with what all inherit where it names none of its own.

    Args:
        params: The whole parameter file.
        architecture: The section's name under `architectures`.

    Returns:
        The section as a new mapping.

    Raises:
        InputError: `unknown_architecture` when there is no such section, `bad_parameter` when it
            isn't a mapping.
    """
    sections = params.get("architectures") or {}
    if not isinstance(sections, Mapping) or architecture not in sections:
        raise InputError(
            "unknown_architecture",
            f"The parameters have no architecture {architecture!r}.",
            neighbours(architecture, sections),
        )
    own = sections[architecture]
    if not isinstance(own, Mapping):
        raise InputError("bad_parameter", f"architectures.{architecture} must be a mapping.")
    return {**{name: params[name] for name in INHERITED if name in params}, **own}


def _train(
    name: str, dataset: Path, tokens: Path, settings: Mapping[str, Any], out: Path
) -> Manifest:
    architecture = catalogue.architecture(name)
    chosen = build(architecture.load_settings(), settings, f"architectures.{name}")
    return architecture.load_train()(dataset, tokens, out, chosen)
