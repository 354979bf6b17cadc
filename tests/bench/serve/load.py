"""Load from wrk, a process of its own: one text a request, kept connections, bounded in time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("load.lua")
WARM_UP_S = 2


@dataclass(frozen=True)
class Measured:
    """What one run of load came to.

    Attributes:
        rate: Answered requests a second.
        p50_ms: Median latency.
        p99_ms: 99th percentile.
        errors: Answers that were no 2xx, and broken connections.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    errors: int


def load(url: str, bodies: Path, clients: int, seconds: int, token: str = "") -> Measured:
    """Send requests for some seconds.

    Args:
        url: Where to, on loopback.
        bodies: A JSON body a line, sent in turn.
        clients: Connections.
        seconds: How long.
        token: Bearer token; empty for none.

    Returns:
        Rate and latencies.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("no_wrk: The benchmark needs wrk (Debian's package wrk).")
    environment = {**os.environ, "BENCH_BODIES": str(bodies), "BENCH_TOKEN": token}
    command = [wrk, "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s", "-s", str(SCRIPT)]
    done = subprocess.run(
        [*command, url], env=environment, capture_output=True, text=True, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    rate = (told["requests"] - told["errors"]) / told["seconds"]
    return Measured(rate, told["p50_ms"], told["p99_ms"], told["errors"])


def write_bodies(path: Path, bodies: Sequence[Any]) -> Path:
    """A file of JSON bodies, one a line."""
    path.write_text("\n".join(json.dumps(body) for body in bodies) + "\n", encoding="utf-8")
    return path
