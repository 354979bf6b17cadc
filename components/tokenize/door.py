"""The tokenize stage's doors: a Kubeflow component's call and a command line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from components.contract.artifact import Manifest
from components.contract.dataset import KIND as DATASET
from components.contract.errors import InputError
from components.contract.exits import exit_on_error
from components.contract.provenance import require_digest
from components.contract.settings import build, neighbours, read_params
from components.tokenize.settings import TokenizerSettings
from components.tokenize.tokenize import tokenize


def run(dataset: Any, settings: dict[str, Any], tokens: Any, *, dataset_digest: str) -> str:
    """Run the stage on Kubeflow artifacts.

    Args:
        dataset: Input artifact, a published dataset.
        settings: The tokenizer's section of the parameters.
        tokens: Output artifact.
        dataset_digest: What ingest returned.

    Returns:
        The tokens' digest.
    """
    with exit_on_error():
        require_digest(Path(dataset.path), DATASET, dataset_digest)
        chosen = build(TokenizerSettings, settings, "tokenizers")
        manifest = tokenize(Path(dataset.path), Path(tokens.path), chosen)
    describe(tokens, manifest)
    return manifest.digest


def describe(tokens: Any, manifest: Manifest) -> None:
    """Tell the artifact that Kubeflow shows which tokenizer it is of.

    Args:
        tokens: Output artifact.
        manifest: The tokens' or the tokenizer's.
    """
    tokens.metadata.update(
        strategy=manifest.facts["strategy"], vocab_size=manifest.facts["vocab_size"]
    )


def main(argv: list[str] | None = None) -> None:
    """Run `python -m components.tokenize`.

    Args:
        argv: Arguments; the process's own by default.

    Raises:
        SystemExit: With the error's exit status.
    """
    parser = argparse.ArgumentParser(prog="components.tokenize")
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--tokenizer", required=True, help="its name in the parameter file")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    arguments = parser.parse_args(argv)
    with exit_on_error():
        sections = read_params(arguments.params).get("tokenizers", {})
        if arguments.tokenizer not in sections:
            raise InputError(
                "unknown_tokenizer",
                f"The parameters have no tokenizer {arguments.tokenizer!r}.",
                neighbours(arguments.tokenizer, sections),
            )
        where = f"tokenizers.{arguments.tokenizer}"
        tokenize(
            arguments.dataset,
            arguments.out,
            build(TokenizerSettings, sections[arguments.tokenizer], where),
        )
