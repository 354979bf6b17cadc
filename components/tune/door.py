"""The doors of a search: Kubeflow components' calls and a trial's command line."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from components.contract.artifact import replace_json
from components.contract.dataset import KIND as DATASET
from components.contract.errors import TamisError
from components.contract.exits import exit_on_error
from components.contract.provenance import require_digest
from components.contract.tokens import KIND as TOKENS
from components.tune.choose import best_of, write_report
from components.tune.trial import measure


def run_trial(
    architecture: str,
    settings: dict[str, Any],
    proposals: list[dict[str, Any]],
    number: int,
    dataset: Any,
    tokens: Any,
    metrics: Any,
    *,
    dataset_digest: str,
    tokens_digest: str,
) -> str:
    """Measure one of the proposed settings on Kubeflow artifacts.

    Args:
        architecture: Its name in the catalogue.
        settings: The architecture's section of the parameters.
        proposals: What each trial overrides that with.
        number: Which of them.
        dataset: Input artifact, a published dataset.
        tokens: Input artifact, that dataset's published tokens.
        metrics: Output artifact for the scores.
        dataset_digest: What ingest returned.
        tokens_digest: What tokenize returned.

    Returns:
        The trial's result as JSON; settings that can't be trained are a result too, since the
        others' work must not be lost.
    """
    result: dict[str, Any] = {"number": number, "changes": proposals[number]}
    with exit_on_error():
        require_digest(Path(dataset.path), DATASET, dataset_digest)
        require_digest(Path(tokens.path), TOKENS, tokens_digest)
        with tempfile.TemporaryDirectory(prefix="tamis-trial-") as scratch:
            try:
                result["scores"] = measure(
                    architecture,
                    Path(dataset.path),
                    Path(tokens.path),
                    {**settings, **proposals[number]},
                    Path(scratch),
                )
            except TamisError as error:
                result["error"] = str(error)
    for name, value in result.get("scores", {}).items():
        metrics.log_metric(name, value)
    return json.dumps(result)


def run_choose(
    architecture: str,
    metric: str,
    proposals: list[dict[str, Any]],
    results: list[str],
    best: Any,
    report: Any,
) -> str:
    """Choose the best trial and report on all.

    Args:
        architecture: What was searched.
        metric: Which score it was searched for.
        proposals: What was proposed; there must be a result of each.
        results: What `run_trial` returned, in any order.
        best: Output artifact, the best trial's result as JSON.
        report: Output artifact, the HTML page.

    Returns:
        What the best trial overrides the architecture's section with, as JSON.

    Raises:
        SystemExit: With the error's exit status, its sentence being the log's last line.
    """
    with exit_on_error():
        trials = sorted((json.loads(result) for result in results), key=lambda r: int(r["number"]))
        if [trial["number"] for trial in trials] != list(range(len(proposals))):
            raise TamisError(
                "trials_missing", f"{len(trials)} results came back for {len(proposals)} trials."
            )
        found = best_of(trials, metric)
        for file in (Path(best.path), Path(report.path)):
            file.parent.mkdir(parents=True, exist_ok=True)
        replace_json(Path(best.path), found)
        write_report(Path(report.path), architecture, metric, trials, found)
    return json.dumps(found["changes"])


def main(argv: list[str] | None = None) -> None:
    """Run `python -m components.tune`: one trial of `tamis tune`.

    Args:
        argv: Arguments; the process's own by default.

    Raises:
        SystemExit: With the error's exit status.
    """
    parser = argparse.ArgumentParser(prog="components.tune")
    parser.add_argument("--architecture", required=True)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--settings", type=Path, required=True, help="a JSON file")
    parser.add_argument("--out", type=Path, required=True, help="a folder; scores.json in the end")
    given = parser.parse_args(argv)
    with exit_on_error():
        settings = json.loads(given.settings.read_text(encoding="utf-8"))
        scores = measure(given.architecture, given.dataset, given.tokens, settings, given.out)
        replace_json(given.out / "scores.json", scores)
