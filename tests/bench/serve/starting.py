"""From start to ready, and memory, beside an empty KServe model server."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from tests.bench.serve.figures import verdict
from tests.bench.serve.servers import empty_kserve, tamis

START_BOUND = 1.3
MEMORY_BOUND_MB = 700


def table(bundle: Path, folder: Path, repeats: int) -> Table:
    """Medians of interleaved starts; the memory is predictor's, transformer's and journal's."""
    empty: list[float] = []
    ours: list[float] = []
    memory: list[float] = []
    for number in range(repeats):
        with empty_kserve(folder / f"empty-{number}") as served:
            empty.append(served.ready_s)
        with tamis(bundle, folder / f"ours-{number}", guarded=True, drift="off") as served:
            ours.append(served.ready_s)
            memory.append(sum(map(resident_mb, [*served.pids, *children(served.pids)])))
    result = Table(title="Start to ready, and memory")
    for heading in ("", "s to ready", "ratio", "MB", "bounds"):
        result.add_column(heading, justify="right")
    reference, own = statistics.median(empty), statistics.median(ours)
    result.add_row("empty KServe server", f"{reference:.1f}", "1.00", "", "")
    kept = own <= START_BOUND * reference and max(memory) <= MEMORY_BOUND_MB
    result.add_row(
        "predictor + transformer + journal",
        f"{own:.1f}",
        f"{own / reference:.2f}",
        f"{statistics.median(memory):.0f}",
        verdict(kept),
    )
    return result


def children(pids: Sequence[int]) -> list[int]:
    """The processes that these have started: the transformer's journal."""
    listed = [Path(f"/proc/{pid}/task/{pid}/children").read_text() for pid in pids]
    return [int(child) for line in listed for child in line.split()]


def resident_mb(pid: int) -> float:
    """A process's resident memory, 10^6 bytes."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next(line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / 1e6
