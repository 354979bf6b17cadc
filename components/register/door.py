"""The register stage's doors: a Kubeflow component's call and a command line."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from components.contract.bundle import KIND as BUNDLE
from components.contract.dataset import KIND as DATASET
from components.contract.errors import InputError
from components.contract.exits import exit_on_error
from components.contract.provenance import require_digest
from components.contract.settings import build, read_params
from components.register.register import DECISION_FILE, Candidate, register
from components.register.settings import RegisterSettings

EVALUATION = "evaluation"


def run(
    dataset: Any,
    settings: dict[str, Any],
    run_id: str,
    candidates: Mapping[str, tuple[Any, Any]],
    registration: Any,
    metrics: Any,
    decision: Any,
    *,
    dataset_digest: str,
    candidate_digests: Mapping[str, tuple[str, str]],
) -> str:
    """Register Kubeflow artifacts.

    Args:
        dataset: Input artifact, a published dataset.
        settings: The parameters' section `register`.
        run_id: The pipeline run's id.
        candidates: Architecture -> its bundle's and its evaluation's artifact.
        registration: Output artifact.
        metrics: Output artifact: whether the champion changed.
        decision: Output artifact, the gate's checks as an HTML page.
        dataset_digest: What ingest returned.
        candidate_digests: Architecture -> what training and evaluating it returned.

    Returns:
        The registration's digest.

    Raises:
        SystemExit: With the error's exit status, its sentence being the log's last line.
    """
    with exit_on_error():
        chosen = build(RegisterSettings, settings, "register")
        pairs = {
            name: Candidate(Path(bundle.path), Path(evaluation.path))
            for name, (bundle, evaluation) in candidates.items()
        }
        require_digest(Path(dataset.path), DATASET, dataset_digest)
        for name, pair in pairs.items():
            bundle_digest, evaluation_digest = candidate_digests[name]
            require_digest(pair.bundle, BUNDLE, bundle_digest)
            require_digest(pair.evaluation, EVALUATION, evaluation_digest)
        out = Path(registration.path)
        manifest = register(Path(dataset.path), pairs, out, chosen, run_id)
    facts = manifest.facts
    metrics.log_metric("promoted", int(facts["decision"]["promote"]))
    metrics.log_metric("challenger_version", int(facts["challenger"]["version"]))
    if facts["champion"]:
        metrics.log_metric("champion_version", int(facts["champion"]["version"]))
    document = json.loads((out / DECISION_FILE).read_text(encoding="utf-8"))
    Path(decision.path).parent.mkdir(parents=True, exist_ok=True)
    Path(decision.path).write_text(decision_page(document), encoding="utf-8")
    registration.metadata.update(
        digest=manifest.digest,
        model_name=facts["model_name"],
        promoted=facts["decision"]["promote"],
        reason=facts["decision"]["reason"],
        champion=facts["champion"] or {},
    )
    return manifest.digest


def main(argv: list[str] | None = None) -> None:
    """Run `python -m components.register`.

    Args:
        argv: Arguments; the process's own by default.

    Raises:
        SystemExit: With the error's exit status.
    """
    parser = argparse.ArgumentParser(prog="components.register")
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument(
        "--candidate",
        action="append",
        required=True,
        metavar="NAME=BUNDLE,EVALUATION",
        help="an architecture with its bundle's and its evaluation's folder; repeat for more",
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--run-id", default="")
    arguments = parser.parse_args(argv)
    with exit_on_error():
        settings = build(
            RegisterSettings, read_params(arguments.params).get("register"), "register"
        )
        candidates = dict(_candidate(text) for text in arguments.candidate)
        manifest = register(
            arguments.dataset, candidates, arguments.out, settings, arguments.run_id
        )
    decision = manifest.facts["decision"]
    print(f"{decision['outcome']}: {decision['reason']}")  # noqa: T201 - the command's answer


def decision_page(document: Mapping[str, Any]) -> str:
    """A decision as a small HTML page; every text is escaped.

    Args:
        document: What `decision.json` holds.

    Returns:
        The page.
    """
    rows = "".join(
        f"<tr><td>{'passed' if check['passed'] else 'failed'}</td><td>{escape(check['name'])}</td>"
        f"<td>{escape(check['sentence'])}</td></tr>"
        for check in document["checks"]
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Promotion gate</title>'
        "<style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem;color:#1e293b}"
        "td{padding:.3rem .8rem;border-bottom:1px solid #e2e8f0}</style></head><body>"
        f"<h1>{escape(document['outcome'].capitalize())}</h1><p>{escape(document['reason'])}</p>"
        f"<table>{rows}</table></body></html>\n"
    )


def _candidate(text: str) -> tuple[str, Candidate]:
    name, _, paths = text.partition("=")
    bundle, _, evaluation = paths.partition(",")
    if not (name and bundle and evaluation):
        raise InputError(
            "bad_argument", f"{text!r} is no candidate.", "Write NAME=BUNDLE,EVALUATION."
        )
    return name, Candidate(Path(bundle), Path(evaluation))
