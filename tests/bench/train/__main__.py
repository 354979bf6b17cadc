"""`make bench-train`: what training costs beside plain references, on the same rows and threads.

Each row is a process of its own. On a shared machine believe CPU seconds and ratios. `--only` runs
one table; `lstm-imdb` and `tokens-10m` (ten minutes each) only run when they are named.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.train import labels, logistic, networks, tokens


def main() -> None:
    """Run what is asked for and print it."""
    tables: dict[str, Callable[[Path, int], Table]] = {
        "logistic": logistic.table,
        "lstm": networks.lstm,
        "bert": networks.bert,
        "tokens": lambda folder, _: tokens.table(folder),
        "labels": lambda folder, _: labels.table(labels.rows()),
    }
    named: dict[str, Callable[[Path, int], Table]] = {
        "lstm-imdb": lambda folder, n: networks.lstm(folder, n, "params/imdb.yaml"),
        "tokens-10m": lambda folder, _: tokens.table(folder, 10_000_000),
    }
    parser = argparse.ArgumentParser(prog="tests.bench.train", description=__doc__)
    parser.add_argument("--only", choices=[*tables, *named])
    parser.add_argument("--repeats", type=int, help="of each row; by default 3, 1 of the slow ones")
    parser.add_argument("--keep", type=Path, help="a folder that keeps what is prepared")
    arguments = parser.parse_args()
    console = Console(width=140)
    with tempfile.TemporaryDirectory() as scratch:
        folder = (arguments.keep or Path(scratch)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in (tables | named).items():
            if name == arguments.only or (arguments.only is None and name in tables):
                repeats = arguments.repeats or (3 if name in ("logistic", "bert") else 1)
                console.print(table(folder, repeats))


main()
