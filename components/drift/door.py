"""The drift check's doors: a Kubeflow component's call and a command line."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from components.contract.bundle import KIND as BUNDLE
from components.contract.exits import exit_on_error
from components.contract.provenance import require_digest
from components.contract.settings import build, read_params
from components.drift.check import DIAGNOSIS_FILE, check
from components.drift.report import REPORT_FILE
from components.drift.settings import CheckSettings


def run(
    journal: Any,
    bundle: Any,
    settings: dict[str, Any],
    diagnosis: Any,
    metrics: Any,
    report: Any,
    *,
    bundle_digest: str,
) -> str:
    """Check on Kubeflow artifacts.

    Args:
        journal: Input artifact, a file that `tamis journal export` wrote.
        bundle: Input artifact, a published bundle.
        settings: The parameters' section `drift`.
        diagnosis: Output artifact.
        metrics: Output artifact for the headline numbers.
        report: Output artifact, the HTML page.
        bundle_digest: What training returned.

    Returns:
        What the drift looks like, as `verdict.Cause`; empty when there is none.

    Raises:
        SystemExit: With the error's exit status, its sentence being the log's last line.
    """
    with exit_on_error():
        require_digest(Path(bundle.path), BUNDLE, bundle_digest)
        # An artifact's file has no ending.
        chosen = build(CheckSettings, {"form": "jsonl", **settings}, "drift")
        manifest = check(Path(journal.path), Path(bundle.path), Path(diagnosis.path), chosen)
    published = Path(diagnosis.path)
    document = json.loads((published / DIAGNOSIS_FILE).read_text(encoding="utf-8"))
    metrics.log_metric("drifted", float(document["drifted"]))
    for verdict in document["now"]["kinds"]:
        metrics.log_metric(f"{verdict['kind']}_evidence", verdict["evidence"])
    estimate = document["now"]["accuracy"]
    if estimate is not None:
        for name in ("estimate", "lower", "upper"):
            metrics.log_metric(f"estimated_accuracy_{name}", estimate[name])
    if document["accuracy"] is not None:
        metrics.log_metric("accuracy", document["accuracy"])
    Path(report.path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(published / REPORT_FILE, report.path)
    diagnosis.metadata.update(digest=manifest.digest, **manifest.facts)
    return str(document["cause"])


def main(argv: list[str] | None = None) -> None:
    """Run `python -m components.drift`.

    Args:
        argv: Arguments; the process's own by default.

    Raises:
        SystemExit: With the error's exit status.
    """
    parser = argparse.ArgumentParser(prog="components.drift")
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--params", type=Path, help="a parameter file with a section `drift`")
    arguments = parser.parse_args(argv)
    with exit_on_error():
        given = read_params(arguments.params).get("drift") if arguments.params else None
        settings = build(CheckSettings, given, "drift")
        check(arguments.file, arguments.bundle, arguments.out, settings)
