"""What a fan-out's tasks cost beside the single task, on a hundred times the demo's sentences.

Tasks run one after the other in this process, their imports done: CPU seconds, without the pods
around them. Each result is checked against the single task's digest.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
from rich.table import Table

from components.contract.artifact import Manifest
from components.ingest.fan_out import join, part, plan
from components.ingest.ingest import ingest
from components.ingest.settings import ingest_settings
from components.ingest.sources import open_source
from components.tokenize.fan_out import join as join_tokens
from components.tokenize.fan_out import part as part_tokens
from components.tokenize.fan_out import prepare
from components.tokenize.settings import TokenizerSettings
from components.tokenize.tokenize import tokenize
from tests.bench.memory import tenfold
from tests.conftest import reviews, write_csv

PARTS = 8


def table(folder: Path) -> Table:
    """One row a stage and format: the single task, the longest part, all parts, the join."""
    rows = [(f"{text} {copy}", label) for copy in range(10) for text, label in tenfold(reviews())]
    random.Random(13).shuffle(rows)
    csv = write_csv(folder / "rows.csv", rows)
    texts, labels = zip(*rows, strict=True)
    columns = pa.table({"text": texts, "label": labels})
    parquet.write_table(columns, folder / "rows.parquet", row_group_size=20_000)
    result = Table(title=f"Fan-out to {PARTS} parts, {len(rows):,} rows, CPU seconds")
    for heading in ("stage", "single", "before", "longest part", "all parts", "join", "bytes/row"):
        result.add_column(heading, justify="right")
    for source in (csv, folder / "rows.parquet"):
        result.add_row(f"ingest {source.suffix}", *_ingest(source, folder, len(rows)))
    result.add_row("tokenize bpe", *_tokenize(folder / ".csv" / "single", folder, len(rows)))
    return result


def _ingest(source: Path, folder: Path, rows: int) -> list[str]:
    settings = ingest_settings({"source": {"uri": str(source)}, "ingest": {"max_rejected": 0.5}})
    out = folder / source.suffix
    single, cpu = _timed(ingest, open_source(settings.source), out / "single", settings)
    _, before = _timed(plan.plan, open_source(settings.source), None, out / "plan", settings, PARTS)
    planned = plan.Plan.open(out / "plan")
    folders = tuple(out / str(number) for number in range(PARTS))
    parts = [
        _timed(part.screen, planned, number, open_source(settings.source), None, path)[1]
        for number, path in enumerate(folders)
    ]
    joined, last = _timed(join.join, planned, folders, None, out / "joined")
    assert joined.digest == single.digest
    return _row(cpu, before, parts, last, folders, rows)


def _tokenize(dataset: Path, folder: Path, rows: int) -> list[str]:
    settings = TokenizerSettings("bpe")
    out = folder / "tokens"
    single, cpu = _timed(tokenize, dataset, out / "single", settings)
    _, before = _timed(prepare.prepare, dataset, out / "prepared", settings, PARTS)
    prepared = prepare.Prepared.open(out / "prepared")
    folders = tuple(out / str(number) for number in range(PARTS))
    parts = [
        _timed(part_tokens.encode, dataset, prepared, number, path)[1]
        for number, path in enumerate(folders)
    ]
    joined, last = _timed(join_tokens.join, prepared, folders, out / "joined")
    assert joined.digest == single.digest
    return _row(cpu, before, parts, last, folders, rows)


def _timed(function: Callable[..., Manifest], *arguments: Any) -> tuple[Manifest, float]:
    started = time.process_time()
    return function(*arguments), time.process_time() - started


def _row(
    single: float, before: float, parts: list[float], last: float, folders: tuple[Path, ...],
    rows: int,
) -> list[str]:  # fmt: skip
    size = sum(f.stat().st_size for path in folders for f in path.rglob("*") if f.is_file())
    seconds = (single, before, max(parts), sum(parts), last)
    return [*(f"{value:.1f}" for value in seconds), f"{size / rows:.0f}"]
