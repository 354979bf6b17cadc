"""A trial in a process of its own: what it takes or breaks ends with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from serving.local import die_with_parent

State = Literal["complete", "pruned", "failed", "stopped"]
Watch = Callable[[int, float], bool]
"""Told of each look at a validation score, with the look's number; says whether to give up."""
LOOK = "validation_accuracy"
"""What trainings tell of their progress in `evaluated` events."""


@dataclass(frozen=True)
class Outcome:
    """What became of a trial.

    Attributes:
        state: `complete`; `pruned`, given up as hopeless; `failed`; `stopped`, out of time.
        scores: As `measure`; empty unless complete.
        looks: Scores during the training, by the look's number from 1 on.
        reason: Why it failed.
        seconds: Wall seconds.
    """

    state: State
    scores: Mapping[str, Any] = field(default_factory=dict)
    looks: Mapping[int, float] = field(default_factory=dict)
    reason: str = ""
    seconds: float = 0.0


def run_trial(
    architecture: str,
    settings: Mapping[str, Any],
    data: tuple[Path, Path],
    folder: Path,
    checkpoints: Path,
    seconds: float,
    watch: Watch,
) -> Outcome:
    """Train with some settings and score on the validation rows.

    Args:
        architecture: Its name in the catalogue.
        settings: Its section of the parameters.
        data: The published dataset and its published tokens.
        folder: A folder of its own; `log.jsonl` there holds what the trial said.
        checkpoints: Where a trial that is stopped leaves what the same settings go on from.
        seconds: What it may take.
        watch: Told of every look.

    Returns:
        What became of it; only a failure to start raises.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "settings.json"
    file.write_text(json.dumps(settings), encoding="utf-8")
    dataset, tokens = data
    command = [
        sys.executable, "-m", "components.tune", "--architecture", architecture,
        "--dataset", str(dataset), "--tokens", str(tokens), "--settings", str(file),
        "--out", str(folder),
    ]  # fmt: skip
    started = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - our own module
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, "TAMIS_LOOKS": "1", "TAMIS_CHECKPOINTS": str(checkpoints)},
        preexec_fn=die_with_parent,
    )
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(max(seconds, 0.0), stop)
    timer.start()
    try:
        looks, given_up, said = _listen(process, folder / "log.jsonl", watch)
        status = process.wait()
    finally:
        timer.cancel()
        process.kill()
        process.wait()
    took = round(time.monotonic() - started, 3)
    scores = _scores(folder / "scores.json") if status == 0 else {}
    if scores:
        return Outcome("complete", scores, looks, "", took)
    if given_up:
        return Outcome("pruned", {}, looks, "", took)
    if late.is_set():
        return Outcome("stopped", {}, looks, "", took)
    return Outcome("failed", {}, looks, said or f"The trial's process ended with {status}.", took)


def _listen(
    process: subprocess.Popen[str], log: Path, watch: Watch
) -> tuple[dict[int, float], bool, str]:
    """The looks until the process ends, whether it was given up, and its failure's sentence."""
    looks: dict[int, float] = {}
    given_up, said = False, ""
    assert process.stderr is not None
    with log.open("w", encoding="utf-8") as kept, process.stderr as lines:
        for line in lines:
            kept.write(line)
            event = _event(line)
            if event.get("event") == "failed":
                said = f"{event.get('code')}: {event.get('message')}"
            score = event.get(LOOK)
            if event.get("event") != "evaluated" or score is None or given_up:
                continue
            looks[len(looks) + 1] = float(score)
            given_up = watch(len(looks), float(score))
            if given_up:
                process.terminate()
    return looks, given_up, said


def _event(line: str) -> Mapping[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _scores(file: Path) -> Mapping[str, Any]:
    try:
        return json.loads(file.read_text(encoding="utf-8"))  # type: ignore[no-any-return]
    except (OSError, ValueError):
        return {}
