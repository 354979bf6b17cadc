"""The pipeline on a laptop: `kfp.local` runs the compiled graph's own components."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from components.contract.artifact import storage_error
from components.contract.cache import prune
from components.contract.environment import environment
from components.contract.errors import EXIT_FAILURE, TamisError
from pipelines import training
from pipelines.parameters import Parameters

EventHandler = Callable[[str, Mapping[str, Any]], None]
"""Called with a task's name and an event: the JSON log line of its stage."""

_EXECUTING = re.compile(r"Executing task \S*?'([^']+)'")
_COLOUR = re.compile("\033\\[[0-9;]*m")


def run(parameters: Parameters, output: Path, on_event: EventHandler) -> Path:
    """Run the training pipeline in this machine's own Python.

    Args:
        parameters: What to run.
        output: The run's folder; `run.log` and every stage's result end up in it.
        on_event: Told of each stage's progress as it happens.

    Returns:
        The folder that holds one folder a task.

    Raises:
        TamisError: What the failing stage said, or `stage_failed` when it said nothing.
    """
    from kfp import local

    artifacts = output / "artifacts"
    _set_environment(output)
    try:
        output.mkdir(parents=True, exist_ok=True)
        log = (output / "run.log").open("w", encoding="utf-8")
    except OSError as error:
        raise storage_error(error, output) from error
    with log, contextlib.redirect_stdout(_Listener(log, on_event)) as listener:
        local.init(
            runner=local.SubprocessRunner(use_venv=False),
            pipeline_root=str(artifacts),
            raise_on_error=True,
        )
        try:
            with warnings.catch_warnings():
                # kfp doubts images without "python" in their name; this Python holds the package.
                warnings.filterwarnings("ignore", "You may be attemping", RuntimeWarning)
                training.training_pipeline(parameters)()
        except RuntimeError as error:
            raise listener.failure(output / "run.log") from error
    cache = environment().cache
    if cache is not None:
        prune(cache, environment().cache_bytes)
    return next(path for path in artifacts.iterdir() if path.is_dir())


def _set_environment(output: Path) -> None:
    """What the stages' processes inherit."""
    os.environ.setdefault("TAMIS_CACHE", str(Path.cwd() / ".tamis" / "cache"))
    os.environ.setdefault("TAMIS_CHECKPOINTS", str(Path.cwd() / ".tamis" / "checkpoints"))
    os.environ.setdefault("TAMIS_METRICS", str(output / "metrics"))
    os.environ.setdefault("TAMIS_RUN_ID", output.name)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ["PYTHONWARNINGS"] = "ignore"  # the libraries' own deprecations, in run.log
    environment.cache_clear()


class _Listener(io.TextIOBase):
    """Standard output for `kfp.local`: keeps a log and picks the stages' events out of it."""

    def __init__(self, log: TextIO, on_event: EventHandler) -> None:
        self._log, self._on_event = log, on_event
        self._pending = ""
        self._task = ""
        self._failed: Mapping[str, Any] = {}

    def write(self, text: str) -> int:
        self._log.write(text)
        *lines, self._pending = (self._pending + text).split("\n")
        for line in lines:
            self._read(_COLOUR.sub("", line).strip())
        return len(text)

    def flush(self) -> None:
        self._log.flush()

    def _read(self, line: str) -> None:
        if line.startswith("{"):
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if event.get("event") == "failed":
                    self._failed = event
                self._on_event(self._task, event)
        elif match := _EXECUTING.search(line):
            self._task = match[1]
            self._on_event(self._task, {"event": "executing"})

    def failure(self, log: Path) -> TamisError:
        """What the failing stage said of its end."""
        if not self._failed or self._failed["code"] == "bug":
            error = TamisError("stage_failed", f"{self._task} failed.", f"Its output is in {log}.")
        else:
            told = self._failed
            error = TamisError(told["code"], f"{self._task}: {told['message']}", told["hint"])
        error.exit_status = self._failed.get("exit_status", EXIT_FAILURE)
        return error
