"""Peak memory on the demo's rows and on ten times as many, which the benchmark makes itself."""

from __future__ import annotations

import random
from pathlib import Path

import yaml
from rich.table import Table

from tests.bench.stages import stage
from tests.conftest import reviews, write_csv

STAGES = ("ingest", "tokenize", "train_logistic")
BOUND_MB = 600
BOUND_GROWTH = 0.15


def table(folder: Path) -> Table:
    """One row a stage: peak RSS on 1x and 10x rows, growth, seconds."""
    rows = reviews()
    measured = {1: measure(folder / "1", rows), 10: measure(folder / "10", tenfold(rows))}
    result = Table(title=f"Peak memory, {len(rows):,} and {10 * len(rows):,} rows")
    for heading in ("stage", "1x MB", "10x MB", "growth", "bound", "1x s", "10x s"):
        result.add_column(heading, justify="right")
    for name in STAGES:
        small, large = measured[1][name], measured[10][name]
        growth = large["peak_rss_mb"] / small["peak_rss_mb"] - 1
        kept = growth <= BOUND_GROWTH and large["peak_rss_mb"] <= BOUND_MB
        result.add_row(
            name,
            f"{small['peak_rss_mb']:.0f}",
            f"{large['peak_rss_mb']:.0f}",
            f"{growth:+.0%}",
            "kept" if kept else "MISSED",
            f"{small['wall_s']:.1f}",
            f"{large['wall_s']:.1f}",
        )
    return result


def tenfold(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each sentence and nine others of its words in another order: new rows, the same words."""
    shuffler = random.Random(13)
    made = list(rows)
    for text, label in rows:
        words = text.split()
        for _ in range(9):
            shuffler.shuffle(words)
            made.append((" ".join(words), label))
    return made


def measure(folder: Path, rows: list[tuple[str, str]]) -> dict[str, dict[str, float]]:
    """Run ingest, tokenize and train-logistic; returns what each measured of itself."""
    folder.mkdir(parents=True)
    params = folder / "params.yaml"
    params.write_text(
        yaml.safe_dump(
            {
                # Short sentences have few orders, so some shuffled rows are the same again.
                "source": {"uri": str(write_csv(folder / "rows.csv", rows))},
                "ingest": {"max_rejected": 0.5},
                "tokenizers": {"bpe": {"strategy": "bpe"}},
                "architectures": {"logistic": {}},
            }
        )
    )
    p = ("--params", str(params))
    d, t = str(folder / "dataset"), str(folder / "tokens")
    return {
        "ingest": dict(stage("ingest", folder / "dataset", *p).measured),
        "tokenize": dict(
            stage("tokenize", folder / "tokens", *p, "--tokenizer", "bpe", "--dataset", d).measured
        ),
        "train_logistic": dict(
            stage("train_logistic", folder / "bundle", *p, "--dataset", d, "--tokens", t).measured
        ),
    }
