"""Seconds of a first run and of a second one in which nothing has changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from rich.table import Table

from tests.conftest import ROOT

BOUND_S = 10


def table(folder: Path) -> Table:
    """A row for each of two runs of the demo's parameters with all architectures."""
    result = Table(title="tamis run, twice")
    for heading in ("run", "wall s", "stages done", "bound"):
        result.add_column(heading, justify="right")
    for number in ("first", "second"):
        started = time.perf_counter()
        run(folder / "twice", "params.yaml")
        seconds = time.perf_counter() - started
        told = json.loads((folder / "twice/.tamis/runs/latest/summary.json").read_text())
        done = 10 - len(told["cached_stages"])
        bound = "" if number == "first" else "kept" if seconds < BOUND_S else "MISSED"
        result.add_row(number, f"{seconds:.1f}", str(done), bound)
    return result


def run(folder: Path, params: str) -> None:
    """`tamis run` in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(Path(sys.executable).with_name("tamis")), "run", "--params", str(ROOT / params)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("TAMIS_", "MLFLOW_"))}
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
