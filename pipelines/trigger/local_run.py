"""A local run's process: the retraining pipeline, and its result in a file.

Started by `LocalRunner`, which hands down the run's lock as an open file.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.contract.artifact import read_manifest, replace_json
from components.contract.errors import TamisError
from pipelines.trigger.leftovers import begin_session
from pipelines.trigger.local_runner import PARAMETERS, RESULT, SESSION


class StageTimes:
    """Wall seconds of each stage, from the pipeline's own events.

    Attributes:
        seconds: Stage -> seconds, of those that have ended.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stage, self._since = "", 0.0

    def __call__(self, task: str, event: Mapping[str, Any]) -> None:
        """Take one event of a task."""
        if event.get("event") == "executing":
            self.close()
            self._stage, self._since = task, time.monotonic()

    def close(self) -> None:
        """Say that the stage under way has ended."""
        if self._stage:
            self.seconds[self._stage] = round(time.monotonic() - self._since, 3)
        self._stage = ""


def main(folder: Path) -> None:
    """Run the pipeline and leave `result.json`, whatever comes of it.

    Args:
        folder: The run's folder, with the parameters.
    """
    begin_session(folder / SESSION)
    times = StageTimes()
    try:
        result = _run(folder, times)
    except TamisError as error:
        result = _failed(error.code, f"{error.message} {error.hint}".strip())
    times.close()
    result["summary"] = {**result["summary"], "stages": times.seconds}
    replace_json(folder / RESULT, result)


def _run(folder: Path, times: StageTimes) -> dict[str, Any]:
    from pipelines import local, parameters, report, summary

    document = json.loads((folder / PARAMETERS).read_text(encoding="utf-8"))
    expected = document["register"]["retrain"]["champion"]
    chosen = parameters.check(document)
    attempt = folder / f"attempt-{len(list(folder.glob('attempt-*'))) + 1}"
    stages = local.run(chosen, attempt, times)
    found = summary.summarise(stages, chosen.architectures, ())
    with contextlib.suppress(TamisError):  # a convenience for people
        report.finish(attempt, found, folder / "latest")
    decision, champion = found["decision"], found["champion"] or {}
    dataset = read_manifest(stages / "ingest" / "dataset", "dataset").facts
    # A kill after the promotion: the second attempt finds its challenger promoted already.
    again = decision["outcome"] == "unchanged" and champion.get("bundle_digest") != expected
    promoted = decision["promote"] or again
    return {
        "outcome": "promoted" if promoted else "refused",
        "code": "promoted" if again else decision["outcome"],
        "message": decision["reason"],
        "summary": {
            "accuracy": {n: row["accuracy"] for n, row in found["architectures"].items()},
            "rows": {split: sum(rows.values()) for split, rows in dataset["rows"].items()},
            "rejected": dataset["rejected"],
            "data_digest": found["data_digest"],
            "champion": champion,
            "folder": str(attempt),
        },
    }


def _failed(code: str, message: str) -> dict[str, Any]:
    return {"outcome": "failed", "code": code, "message": message, "summary": {}}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
