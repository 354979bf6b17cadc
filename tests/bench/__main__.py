"""`make bench`: accuracy, CPU seconds and memory of every stage, beside plain scikit-learn.

Options: `--imdb` adds the long reviews with the LSTM (several minutes); `--only fan-out` measures
what no other does: ingest and tokenize in parts (five minutes).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from rich.console import Console

from tests.bench import cache, fan_out, memory, models


def main() -> None:
    """Run the benchmarks and print their tables."""
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__)
    parser.add_argument("--imdb", action="store_true")
    parser.add_argument("--only", choices=["models", "memory", "cache", "fan-out"])
    arguments = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if arguments.only in (None, "memory"):
            console.print(memory.table(folder))
        if arguments.only in (None, "cache"):
            console.print(cache.table(folder))
        if arguments.only == "fan-out":
            console.print(fan_out.table(folder))
        if arguments.only in (None, "models"):
            console.print(models.table(folder, "params.yaml"))
            if arguments.imdb:
                console.print(models.table(folder, "params/imdb.yaml"))


main()
