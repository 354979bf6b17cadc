"""One row in a process of its own: its CPU seconds, wall seconds and peak memory."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.contract.environment import environment
from tests.conftest import ROOT


@dataclass(frozen=True)
class Cost:
    """What a process took.

    Attributes:
        cpu_s: Seconds of all its threads, imports counted.
        wall_s: From start to end.
        peak_mb: Largest resident set, MiB.
        told: What its last line of output said, if that was JSON.
    """

    cpu_s: float
    wall_s: float
    peak_mb: float
    told: Mapping[str, Any]

    def __add__(self, other: Cost) -> Cost:
        """One after the other; of what they told, the later one's counts."""
        return Cost(
            self.cpu_s + other.cpu_s,
            self.wall_s + other.wall_s,
            max(self.peak_mb, other.peak_mb),
            {**self.told, **other.told},
        )


def run(arguments: Sequence[str], python: str = sys.executable) -> Cost:
    """Run Python with these arguments, on as many threads as every other row.

    Args:
        arguments: As for `python`.
        python: Which one.

    Returns:
        Its cost.

    Raises:
        SystemExit: With its standard error when it fails.
    """
    threads = str(environment().threads)
    own = {k: v for k, v in os.environ.items() if not k.startswith(("TAMIS_", "MLFLOW_"))}
    own |= dict.fromkeys(("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "TAMIS_THREADS"), threads)
    own |= {"TOKENIZERS_PARALLELISM": "true", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started = time.perf_counter()
        process = subprocess.Popen([python, *arguments], cwd=ROOT, env=own, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        for stream in (out, err):
            stream.seek(0)
        if process.returncode:
            raise SystemExit(f"{' '.join(arguments)}\n{err.read()[-4000:]}")
        lines = out.read().strip().splitlines() or [""]
    told = json.loads(lines[-1]) if lines[-1].startswith("{") else {}
    return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024, told)


def peer(name: str, *arguments: str, python: str = sys.executable) -> Cost:
    """Run one of `peers/`."""
    return run(["-m", f"tests.bench.train.peers.{name}", *arguments], python)


def interleaved(rows: Mapping[str, Callable[[], Cost]], repeats: int) -> dict[str, list[Cost]]:
    """Every row in turn, several times over, so that a noisy minute meets all of them."""
    costs: dict[str, list[Cost]] = {name: [] for name in rows}
    for _ in range(repeats):
        for name, measure in rows.items():
            costs[name].append(measure())
    return costs


def median(costs: Sequence[Cost]) -> Cost:
    """Medians of what repeated runs took and told."""
    numbers = {
        key: statistics.median(cost.told[key] for cost in costs)
        for key, value in costs[0].told.items()
        if isinstance(value, int | float)
    }
    return Cost(
        statistics.median(cost.cpu_s for cost in costs),
        statistics.median(cost.wall_s for cost in costs),
        statistics.median(cost.peak_mb for cost in costs),
        numbers,
    )


def isolated(folder: Path, packages: Sequence[str]) -> str:
    """The Python of an environment that holds these packages alone, made when it isn't there."""
    if not (folder / "done").exists():
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "-q", "--clear", str(folder)], check=True)
        install = [*uv, "pip", "install", "-q"]
        if links := os.environ.get("PIP_FIND_LINKS"):
            install += ["--find-links", links]
        subprocess.run(
            [*install, "--python", str(folder / "bin" / "python"), *packages], check=True
        )
        (folder / "done").touch()
    return str(folder / "bin" / "python")


def verdict(kept: bool) -> str:
    """How a bar was met."""
    return "kept" if kept else "MISSED"
