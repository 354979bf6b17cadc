"""The ingest stage's doors: a Kubeflow component's call and a command line."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.contract.artifact import Manifest
from components.contract.exits import exit_on_error
from components.contract.settings import read_params
from components.ingest.feedback import with_feedback
from components.ingest.ingest import ingest
from components.ingest.settings import ingest_settings
from components.ingest.sources import open_source


def run(
    uri: str,
    text_column: str,
    label_column: str,
    source: dict[str, Any],
    settings: dict[str, Any],
    dataset: Any,
) -> str:
    """Run the stage on Kubeflow artifacts.

    Args:
        uri: The data's address, an input of the pipeline.
        text_column: The text's column, likewise.
        label_column: The label's column, likewise.
        source: The rest of the parameters' `source` section.
        settings: The parameters' `ingest` section.
        dataset: Output artifact.

    Returns:
        The dataset's digest.
    """
    with exit_on_error():
        origin = {**source, "uri": uri, "text_column": text_column, "label_column": label_column}
        manifest = _ingest({"source": origin, "ingest": settings}, Path(dataset.path))
    describe(dataset, manifest)
    return manifest.digest


def describe(dataset: Any, manifest: Manifest) -> None:
    """Tell the artifact that Kubeflow shows what its dataset holds.

    Args:
        dataset: Output artifact.
        manifest: The dataset's.
    """
    facts = manifest.facts
    dataset.metadata.update(
        labels=facts["labels"],
        rows={split: sum(rows.values()) for split, rows in facts["rows"].items()},
        rejected=facts["rejected"],
        digest=manifest.digest,
    )


def main(argv: list[str] | None = None) -> None:
    """Run `python -m components.ingest`.

    Args:
        argv: Arguments; the process's own by default.

    Raises:
        SystemExit: With the error's exit status.
    """
    parser = argparse.ArgumentParser(prog="components.ingest")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args(argv)
    with exit_on_error():
        _ingest(read_params(arguments.params), arguments.out)


def _ingest(params: Mapping[str, Any], out: Path) -> Manifest:
    settings = ingest_settings(params)
    return ingest(with_feedback(open_source(settings.source), settings), out, settings)
